// Measures how long Hubot takes to find the listener of a message, for as many listeners as each argument says:
//
//   npm install && node bench.mjs 50 200
//
// It prints lines in the format of `go test -bench`. The messages and what they ask for are those of BenchmarkMessage in
// ../../bench_test.go: listeners from the first to the last in turn, and one message in six that nobody listens to. Hubot's listeners
// are regular expressions that take words as they are; unlike ours they look up no names.
process.env.HUBOT_LOG_LEVEL = 'silent'
const { Robot, TextMessage, User } = await import('hubot')

const rounds = 5
const roundMillis = 400

function robotWith (listeners) {
  const robot = new Robot('Shell', false, 'opsbot')
  let heard = 0
  for (let i = 0; i < listeners; i++) {
    robot.respond(new RegExp(`(?:do|make|shape|form up)${i} (?:the )?thing${i} (\\S+)(?: on (\\S+))?(?: for (\\S+))?$`, 'i'), () => { heard++ })
  }
  return { robot, heard: () => heard }
}

function messages (listeners) {
  const last = listeners - 1
  const at = [0, Math.floor(last / 4), Math.floor(last / 2), Math.floor(3 * last / 4), last]
  const user = new User('1', { name: 'anna', room: '#ops' })
  const texts = at.map(i => `opsbot do${i} thing${i} channel-1 on edge-2`)
  texts.push('opsbot the weather is fine today')
  return texts.map((text, i) => () => new TextMessage(user, text, String(i)))
}

async function measure (listeners) {
  const { robot, heard } = robotWith(listeners)
  const make = messages(listeners)
  for (const m of make) await robot.receive(m())
  if (heard() !== make.length - 1) throw new Error(`${heard()} of ${make.length - 1} messages were heard`)
  for (let i = 0; i < 2000; i++) await robot.receive(make[i % make.length]()) // warm up
  for (let round = 0; round < rounds; round++) {
    let n = 0
    const start = process.hrtime.bigint()
    const end = start + BigInt(roundMillis) * 1000000n
    let now = start
    while (now < end) {
      for (const m of make) await robot.receive(m())
      n += make.length
      now = process.hrtime.bigint()
    }
    console.log(`BenchmarkMessage/intents=${listeners}/peer=hubot\t${n}\t${(Number(now - start) / n).toFixed(1)} ns/op`)
  }
}

const counts = process.argv.slice(2).map(Number)
if (counts.length === 0 || counts.some(n => !(n >= 5))) {
  console.error('usage: node bench.mjs LISTENERS...   (5 or more each)')
  process.exit(2)
}
for (const n of counts) await measure(n)
process.exit(0)
