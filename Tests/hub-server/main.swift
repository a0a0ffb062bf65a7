// Serves the models of a directory, ORG/NAME below it, as the Hub does, until it is killed:
//   hub-server DIRECTORY [FORMER-NAME=ORG/NAME …]
// The first line it prints is what HF_ENDPOINT has to be; then a line for each request.
import Foundation
import HubServer

@Sendable func printLine(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

let root = URL(fileURLWithPath: CommandLine.arguments.dropFirst().first ?? ".")
let former = CommandLine.arguments.dropFirst(2).map { $0.split(separator: "=").map(String.init) }
let names = try FileManager.default.contentsOfDirectory(atPath: root.path).sorted().flatMap { organisation in
  try FileManager.default.contentsOfDirectory(atPath: root.appending(path: organisation).path).sorted()
    .map { "\(organisation)/\($0)" }
}
let server = try HubServer(
  names.map { name in
    var repository = try Repository(name, root.appending(path: name))
    repository.formerly = former.first { $0.last == name }?.first
    return repository
  },
  observe: { printLine("\($0)") })
printLine(server.endpoint)
while true { sleep(3600) }
