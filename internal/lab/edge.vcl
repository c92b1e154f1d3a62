vcl 4.1;
# The VCL that OpsBot's Varnish driver is made for. {{host}} and {{port}} are the origin's.
import std;
import purge;
import xkey;

backend default { .host = "{{host}}"; .port = "{{port}}"; }

# Who may purge. Everybody else gets a 405 of our own.
acl operators { "127.0.0.1"; "::1"; }

sub vcl_recv {
  if (req.method == "PURGE" || req.method == "SOFTPURGE") {
    if (client.ip !~ operators) { return (synth(405, "Not allowed")); }
    if (req.http.xkey-purge) {
      if (req.method == "SOFTPURGE") { set req.http.n = xkey.softpurge(req.http.xkey-purge); }
      else { set req.http.n = xkey.purge(req.http.xkey-purge); }
      return (synth(200, "Purged " + req.http.n + " objects"));
    }
    # Look the object up, so that it can be counted, but never wait for a fetch of it.
    set req.hash_ignore_busy = true;
    return (hash);
  }
  return (hash);
}

sub vcl_hit {
  if (req.method == "PURGE") {
    set req.http.n = purge.hard();
    return (synth(200, "Purged " + req.http.n + " objects"));
  }
  if (req.method == "SOFTPURGE") {
    set req.http.n = purge.soft(0s, 30s, 0s);
    return (synth(200, "Soft purged " + req.http.n + " objects"));
  }
}

sub vcl_miss {
  # A miss may still have other variants of the URL: purge those too.
  if (req.method == "PURGE") {
    set req.http.n = purge.hard();
    return (synth(200, "Purged " + req.http.n + " objects"));
  }
  if (req.method == "SOFTPURGE") {
    set req.http.n = purge.soft(0s, 30s, 0s);
    return (synth(404, "Not in cache"));
  }
}

sub vcl_pass {
  # A marker "do not cache": nothing to purge, and the method must not reach the origin.
  if (req.method == "PURGE") { return (synth(200, "Purged 0 objects")); }
  if (req.method == "SOFTPURGE") { return (synth(404, "Not in cache")); }
}

sub vcl_backend_response {
  # For bans by prefix: a ban on obj.* is worked off in the background, one on req.* never.
  set beresp.http.x-url = bereq.url;
  # Playlists with grace would be as old as the pause between two viewers.
  if (bereq.url ~ "\.m3u8($|\?)") { set beresp.grace = 0s; } else { set beresp.grace = 60s; }
}

sub vcl_deliver {
  unset resp.http.x-url;
  unset resp.http.xkey;
  if (obj.hits > 0) {
    set resp.http.Cache-Status = server.identity + "; hit; ttl=" + std.integer(duration=obj.ttl, fallback=0);
  } else {
    set resp.http.Cache-Status = server.identity + "; fwd=miss";
  }
}
