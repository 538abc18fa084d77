// Runs dynalite on a free port of 127.0.0.1, prints the port, and ends when
// standard input ends.
const tables = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }
const server = require('dynalite')(tables)

// A client that breaks off a request must not end the server of the others.
process.on('uncaughtException', (error) => console.error(error))
process.stdin.on('end', () => process.exit()).resume()
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
