import Testing

/// The design's rules, held over the sources of the repository.
@Suite("The rules of the house")
struct HouseRulesTests {
  private static let rules = Result { try HouseRules() }

  /// Compares what breaks a rule with what is known to.
  private func expect(_ found: [String], areKnown known: [String], _ rule: String) {
    let (found, known) = (Set(found), Set(known))
    for violation in found.subtracting(known).sorted() { Issue.record("\(violation)\n\(rule)") }
    for line in known.subtracting(found).sorted() {
      Issue.record(
        """
        \(line)
        no longer breaks the rule: remove the line from AnsweredErrors.swift
        """)
    }
  }

  @Test func modulesImportWhatStandsBelowThem() throws {
    expect(
      try Self.rules.get().imports, areKnown: [],
      "a module imports the layers below it; a plugin the core, its libraries and no other plugin; a format bytes and tensors alone"
    )
  }

  @Test func everyPluginIsInTheList() throws {
    expect(
      try Self.rules.get().list, areKnown: [], "a plugin is a folder and a line of GraftPlugins.swift")
    for plugin in try Self.rules.get().plugins {
      #expect(!plugin.registered.isEmpty, "\(plugin.folder) declares no name: 'public static let name'")
    }
  }

  @Test func nobodyNamesAPlugin() throws {
    expect(
      try Self.rules.get().names, areKnown: [],
      "a plugin's name stands in its own folder and nowhere else")
  }

  @Test func onlyTheCommandLineKnowsItsWords() throws {
    expect(
      try Self.rules.get().commandLineWords, areKnown: [],
      "an error says what is wrong; the command line spells the remedy")
  }

  @Test func theEnvironmentIsLeftAlone() throws {
    expect(
      try Self.rules.get().environments, areKnown: [],
      "the environment belongs to the whole process: a program sets it when it starts")
  }

  @Test func noErrorIsSwallowed() throws {
    expect(
      try Self.rules.get().swallowedErrors, areKnown: Array(AnsweredErrors.lines),
      "an error that is an answer belongs in AnsweredErrors.swift with its reason; others are thrown")
  }

  @Test func nothingIsPutOff() throws {
    expect(try Self.rules.get().reminders, areKnown: [], "what is left to do is an issue, not a comment")
  }
}
