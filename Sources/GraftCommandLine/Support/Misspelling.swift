import ArgumentParser
import Foundation
import GraftCore
import GraftTensors

/// What a command line that could not be read was meant to be: the nearest command, option or value.
enum Misspelling {
  /// What options of the same meaning are called in different commands.
  private static let synonyms = [
    ["data", "input", "train-file"], ["eval-data", "eval-file"], ["task", "head", "to"],
  ]

  /// The message for an error of the parser, where the reason is a name that nothing has.
  ///
  /// - Parameters:
  ///   - error: What the parser threw.
  ///   - arguments: The process's, without its own name.
  ///   - commands: All commands and their arguments, as `_dumpHelp` has them.
  /// - Returns: `nil` where nothing better can be said than what the parser says.
  static func message(for error: any Error, _ arguments: [String], in commands: JSON) -> String? {
    let lines = Graft.fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false)
    guard let first = lines.first, let root = commands["command"] else { return nil }
    let usage = lines.drop { !$0.hasPrefix("Usage:") }.joined(separator: "\n")
    func with(_ text: String, _ suggestion: String?) -> String {
      let guess = suggestion.map { " Did you mean '\($0)'?" } ?? ""
      return "\(Graft._errorLabel): \(text).\(guess)\n\(usage)"
    }
    var (command, rest) = (Command(root), arguments[...])
    while let name = rest.first, !name.hasPrefix("-"), !command.subcommands.isEmpty {
      rest = rest.dropFirst()
      if name == "help" { continue }
      guard let next = command.subcommands.first(where: { $0.names.contains(name) }) else {
        return with("There is no command '\(name)'", command.nearest(to: name, below: root))
      }
      command = next
    }
    let options = command.options
    for (index, argument) in rest.enumerated() {
      if argument == "--" { break }
      guard argument.hasPrefix("--") else { continue }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1).map(String.init)
      guard let name = parts.first else { continue }
      guard let option = options.first(where: { $0.names.contains(name) }) else {
        let known = options.flatMap(\.names)
        let other = Self.synonyms.first { $0.contains(name) }?.first(where: known.contains)
        return with(
          "Unknown option '--\(name)'", (other ?? NearestName.find(name, among: known)).map { "--\($0)" })
      }
      let value = parts.count > 1 ? parts[1] : rest.dropFirst(index + 1).first
      if let value, !option.values.isEmpty, !option.values.contains(value), first.contains("'\(value)'"),
        let nearest = NearestName.find(value, among: option.values)
      {
        // The list of values follows the first line.
        let guess = "Did you mean '\(nearest)'?"
        let place = first.range(of: " Please provide")?.lowerBound ?? first.endIndex
        let line = first[..<place] + " " + guess + first[place...]
        return ([Substring(line)] + lines.dropFirst()).joined(separator: "\n")
      }
    }
    return nil
  }

  /// A command, by what `_dumpHelp` says of it.
  private struct Command {
    let json: JSON

    init(_ json: JSON) { self.json = json }

    var names: [String] {
      [json["commandName"]?.string].compactMap { $0 } + (json["aliases"]?.array ?? []).compactMap(\.string)
    }

    var subcommands: [Command] {
      (json["subcommands"]?.array ?? []).map(Command.init).filter { !$0.names.contains("help") }
    }

    /// The long options and flags.
    var options: [(names: [String], values: [String])] {
      (json["arguments"]?.array ?? []).compactMap { argument in
        let names = (argument["names"]?.array ?? []).filter { $0["kind"]?.string == "long" }
          .compactMap { $0["name"]?.string }
        return names.isEmpty ? nil : (names, (argument["allValues"]?.array ?? []).compactMap(\.string))
      } + [(["help"], []), (["version"], [])]
    }

    /// The command that a name was meant to be: one of this one's own, else one of another's, `head swap` for `swap`.
    func nearest(to name: String, below root: JSON) -> String? {
      if let own = NearestName.find(name, among: subcommands.flatMap(\.names)) { return own }
      for command in Command(root).subcommands {
        if let nested = NearestName.find(name, among: command.subcommands.flatMap(\.names)),
          let first = command.names.first
        {
          return "\(first) \(nested)"
        }
      }
      return NearestName.find(name, among: Command(root).subcommands.flatMap(\.names))
    }
  }
}

extension GraftError {
  /// The error with the nearest name in the directory, where a path is not there.
  var suggestingPath: GraftError {
    guard kind == .missing, problem.hasPrefix("no such file"), let file,
      advice?.description.contains("Did you mean") != true,
      let nearest = URL(fileURLWithPath: file).nearestSibling
    else { return self }
    var error = self
    let advice = advice.map { " \($0.commandLineText)" } ?? ""
    error.advice = Advice("Did you mean '\(nearest.relativeToWorkingDirectory)'?\(advice)")
    return error
  }
}

extension URL {
  private var stem: String { deletingPathExtension().lastPathComponent }

  /// The path beside this one whose name is nearest, if one is near.
  var nearestSibling: String? {
    let parent = standardizedFileURL.deletingLastPathComponent()
    // A directory that cannot be listed has nothing to suggest.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
    let nearest = NearestName.find(lastPathComponent, among: names.sorted()).map(
      parent.appendingPathComponent)
    // What they end with makes no two names alike.
    guard let nearest, NearestName.find(stem, among: [nearest.stem]) != nil else { return nil }
    return nearest.path
  }
}
