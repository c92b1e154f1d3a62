# What OpsBot asks of a Varnish, as a file to include below "vcl 4.1;" and before your own subroutines:
#
#   vcl 4.1;
#   include "opsbot.vcl";
#   backend default { ... }
#
# Put the addresses that may purge into the acl. Without varnish-modules leave out "import xkey" and the lines that use it: purges by
# tag are then refused. A flush needs none of this, only the management port.
import purge;
import xkey;

acl opsbot { "127.0.0.1"; "::1"; }

sub vcl_recv {
  if (req.restarts == 0) { unset req.http.x-opsbot; }
  if (req.method == "PURGE" || req.method == "SOFTPURGE") {
    if (client.ip !~ opsbot) { return (synth(405, "Not allowed")); }
    if (req.http.xkey-purge) {
      if (req.method == "SOFTPURGE") { set req.http.x-opsbot-n = xkey.softpurge(req.http.xkey-purge); }
      else { set req.http.x-opsbot-n = xkey.purge(req.http.xkey-purge); }
      return (synth(200, "Purged " + req.http.x-opsbot-n + " objects"));
    }
    # From here on it is a viewer's GET, so that whatever your own vcl_recv and vcl_hash do to URL and Host is done to it too: a purge
    # of another hash than the viewers' would find nothing. It never waits for a fetch, and never makes one.
    set req.http.x-opsbot = req.method;
    set req.method = "GET";
    set req.hash_ignore_busy = true;
  }
}

sub vcl_hit {
  if (req.http.x-opsbot == "PURGE") {
    set req.http.x-opsbot-n = purge.hard();
    return (synth(200, "Purged " + req.http.x-opsbot-n + " objects"));
  }
  if (req.http.x-opsbot == "SOFTPURGE") {
    set req.http.x-opsbot-n = purge.soft(0s, 30s, 0s);
    return (synth(200, "Soft purged " + req.http.x-opsbot-n + " objects"));
  }
}

sub vcl_miss {
  # A miss may still have other variants of the URL: purge those too.
  if (req.http.x-opsbot == "PURGE") {
    set req.http.x-opsbot-n = purge.hard();
    return (synth(200, "Purged " + req.http.x-opsbot-n + " objects"));
  }
  if (req.http.x-opsbot == "SOFTPURGE") {
    set req.http.x-opsbot-n = purge.soft(0s, 30s, 0s);
    return (synth(404, "Not in cache"));
  }
}

sub vcl_pass {
  # Never cached, or marked "do not cache": nothing to purge.
  if (req.http.x-opsbot == "PURGE") { return (synth(200, "Purged 0 objects")); }
  if (req.http.x-opsbot == "SOFTPURGE") { return (synth(404, "Not in cache")); }
}

sub vcl_backend_response {
  # For purges by prefix: a ban on obj.* is worked off in the background, one on req.* never.
  set beresp.http.x-url = bereq.url;
}

sub vcl_deliver {
  unset resp.http.x-url;
  unset resp.http.xkey;
}
