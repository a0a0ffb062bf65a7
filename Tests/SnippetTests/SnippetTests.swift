import Foundation
import TestSupport
import Testing

/// The Swift in the documentation compiles: each block stands in Snippets.swift, word for word.
@Suite struct SnippetTests {
  /// The pages whose Swift is checked: the README, CONTRIBUTING and the articles of every DocC catalog.
  static let pages: [String] = {
    let names = ["Sources", "Plugins"].flatMap { folder in
      (FileManager.default.enumerator(atPath: repository.appending(path: folder).path)?
        .compactMap { $0 as? String } ?? []).map { "\(folder)/\($0)" }
    }
    return ["README.md", "CONTRIBUTING.md"]
      + names.filter { $0.contains(".docc/") && $0.hasSuffix(".md") }.sorted()
  }()

  /// The blocks that begin with a fence and `swift`.
  static func blocks(in page: String) -> [String] {
    page.matches(of: /(?ms)^ *```swift\n(.*?)^ *```/).map { String($0.1) }
  }

  /// A text without white space: where a line is wrapped depends on where a snippet stands.
  static func bare(_ text: String) -> String { text.filter { !$0.isWhitespace } }

  @Test(arguments: pages) func everyBlockOfSwiftCompiles(_ page: String) throws {
    let file = repository.appending(path: "Tests/SnippetTests/Snippets.swift")
    let snippets = Self.bare(try String(contentsOf: file, encoding: .utf8))
    let text = try String(contentsOf: repository.appending(path: page), encoding: .utf8)
    for block in Self.blocks(in: text) {
      let bare = Self.bare(block)
      #expect(
        !bare.isEmpty && snippets.contains(bare), "\(page): this block belongs in Snippets.swift:\n\(block)")
    }
  }

  @Test func blocksAreFound() throws {
    let page = "a\n```swift\nlet b = 1\n\n  c()\n```\n```console\n$ d\n```\n  ```swift\n  e()\n  ```\n"
    #expect(Self.blocks(in: page) == ["let b = 1\n\n  c()\n", "  e()\n"])
    let readme = try String(contentsOf: repository.appending(path: "README.md"), encoding: .utf8)
    #expect(!Self.blocks(in: readme).isEmpty)
  }
}
