// Runs dynalite on a free port of 127.0.0.1, prints the port, and ends when
// standard input ends.
const tables = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }
const server = require('dynalite')(tables)

process.stdin.on('end', () => process.exit()).resume()
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
