import Foundation
import HubServer
import TestSupport
import Testing

/// The README is for people who paste its commands.
@Suite struct ReadmeTests {
  /// The lines after `$ ` in a page's console blocks, in their order.
  static func commands(in page: String = "README.md") throws -> [String] {
    let text = try String(contentsOf: repository.appending(path: page), encoding: .utf8)
    let blocks = text.components(separatedBy: "```").enumerated().filter {
      $0.offset % 2 == 1 && $0.element.hasPrefix("console\n")
    }
    return blocks.flatMap { block in
      block.element.replacing("\\\n", with: "").split(separator: "\n").filter { $0.hasPrefix("$ ") }.map {
        String($0.dropFirst(2))
      }
    }
  }

  /// The commands in a page's console blocks, run one after the other beside the fixtures, with what each prints.
  static func session(of page: String) throws -> [(command: String, output: String)] {
    let commands = try commands(in: page)
    #expect(commands.count >= 4 && commands.allSatisfy { $0.hasPrefix("graft ") })
    return try Sandbox.with { sandbox in
      #expect(
        try sandbox.shell(
          "ln -s '\(repository.path)/Fixtures' . && mkdir bin && ln -s \"$GRAFT\" bin/graft"
        ).code == 0)
      return try commands.map { command in
        let outcome = try sandbox.shell("PATH=\"$PWD/bin:$PATH\"; \(command)")
        #expect(outcome.code == 0, "$ \(command)\n\(outcome.stderr)")
        return (command, outcome.stdout)
      }
    }
  }

  @Test("the sessions of pages write to other names than one another, so that they run one after the other")
  func names() throws {
    let catalogs = repository.appending(path: "Sources/GraftKit/GraftKit.docc")
    let pages = try FileManager.default.contentsOfDirectory(atPath: catalogs.path).filter {
      $0.hasSuffix(".md")
    }
    var writers: [String: String] = [:]
    for page in pages.sorted() {
      for command in try Self.commands(in: "Sources/GraftKit/GraftKit.docc/\(page)") {
        guard let name = command.firstMatch(of: /--output (\S+)/)?.1 else { continue }
        let other = writers.updateValue(page, forKey: String(name))
        #expect(other == nil, "\(name): \(page) and \(other ?? "")")
      }
    }
    #expect(writers.count > 20)
  }

  @Test("every command in the README runs as written, one after the other, from an empty directory")
  func everyCommandRuns() throws {
    let commands = try Self.commands()
    #expect(commands.contains("make demo") && commands.contains("make test"))
    #expect(commands.count { $0.hasPrefix("graft ") } >= 8)
    try Sandbox.with { sandbox in
      let prepared = try sandbox.shell(
        "ln -s '\(repository.path)/Fixtures' . && mkdir bin && ln -s \"$GRAFT\" bin/graft")
      #expect(prepared.code == 0)
      // A Hub that has a tiny model under the name that the README gives.
      var published = try Repository(
        "google-bert/bert-base-uncased", URL(filePath: sandbox.resolve("{masked-lm}")))
      published.formerly = "bert-base-uncased"
      let hub = try HubServer([published])
      defer { hub.stop() }
      let environment = [
        "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "HF_HOME": sandbox.url("hf").path,
      ]
      for command in commands {
        // What make runs is this suite itself, or takes minutes: here it has to be a target, no more.
        let command =
          command.hasPrefix("make ") ? "make -n -C '\(repository.path)' \(command.dropFirst(5))" : command
        let outcome = try sandbox.shell("PATH=\"$PWD/bin:$PATH\"; \(command)", environment: environment)
        #expect(outcome.code == 0, "$ \(command)\n\(outcome.stderr)")
      }
    }
  }
}
