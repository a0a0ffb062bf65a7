import Testing

/// The scanner that the rules rely on: what it takes for code, literals and comments.
@Suite struct SwiftSourceTests {
  private func source(_ text: String) -> SwiftSource { SwiftSource(path: "a.swift", text: text) }

  @Test func importsAreFoundInEveryForm() {
    let text = """
      import One
      @testable import Two
      public import Three
      import struct Four.Part
      // import Five
      let six = "import Six"
      @_spi(Seven) import Seven
      """
    #expect(source(text).imports == ["One", "Two", "Three", "Four", "Seven"])
  }

  @Test func commentsAreNoCode() {
    let file = source("a // b\n/* c /* d */ e */ f\n/// \"g\"\nh")
    #expect(file.code.split { $0.isWhitespace } == ["a", "f", "h"])
    #expect(file.comments.contains("b") && file.comments.contains("e") && file.comments.contains("g"))
    #expect(file.literals == [])
  }

  @Test func literalsOfEveryKind() {
    #expect(source(#"f("a // b", "c\"d", "")"#).literals == ["a // b", "c d", ""])
    #expect(source(##"f(#"a "b" \n"#)"##).literals == [#"a "b" \n"#])
    #expect(source("f(\"\"\"\n  a \"b\"\n  c\n  \"\"\")\ng").literals == ["\n  a \"b\"\n  c\n  "])
    #expect(source("f(\"\"\"\n  a\n  \"\"\")\ng").code == "f(\"\")\ng")
  }

  @Test func interpolationsAreCode() {
    let file = source(#"f("a \(g(h, "i \(j)")) k") + l"#)
    #expect(file.literals == ["i \u{FFFC}", "a \u{FFFC} k"])
    #expect(file.code == #"f(""(g(h, ""(j)))) + l"#)
  }

  @Test func everyFileOfTheRepositoryIsTakenApart() throws {
    let files = try SwiftSource.all(in: "Sources", "Plugins")
    #expect(files.count > 200)
    // A literal or comment that swallowed the rest of a file would leave a brace open.
    for file in files {
      #expect(file.code.count { $0 == "{" } == file.code.count { $0 == "}" }, "\(file.path)")
    }
  }
}
