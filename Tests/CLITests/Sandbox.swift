import Foundation
import TestSupport
import Testing

/// A fresh working directory in which the built binary runs.
struct Sandbox: Sendable {
  /// What the program finds as its working directory.
  let directory: URL

  /// The binary: what `GRAFT` names, or what the build put beside the test bundle.
  static let binary: URL = {
    if let named = ProcessInfo.processInfo.environment["GRAFT"] { return URL(filePath: named) }
    let bundle = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    let beside = bundle.appending(path: "graft")
    return FileManager.default.isExecutableFile(atPath: beside.path)
      ? beside : repository.appending(path: ".build/debug/graft")
  }()

  /// Runs `body` with a sandbox that goes away afterwards.
  static func with<Result>(_ body: (Sandbox) throws -> Result) throws -> Result {
    try withTemporaryDirectory { try body(Sandbox(directory: $0)) }
  }

  /// What a run ended with.
  struct Outcome {
    let stdout: String
    let stderr: String
    let code: Int32
    /// Whether a signal ended it, as a crash does.
    let crashed: Bool
  }

  /// A place in the sandbox.
  func url(_ path: String) -> URL { directory.appending(path: path) }

  /// A place in the sandbox, or a fixture: `{base}/model.safetensors`.
  func resolve(_ argument: String) -> String {
    guard let open = argument.firstIndex(of: "{"), let close = argument.firstIndex(of: "}") else {
      return argument
    }
    let name = argument[argument.index(after: open)..<close]
    let fixture = fixtures.appending(path: "bert-tiny/\(name)").path
    return argument[..<open] + fixture + argument[argument.index(after: close)...]
  }

  /// Runs `graft` with the arguments, after replacing `{NAME}` by the tiny checkpoint of that name.
  func graft(_ arguments: [String], input: String = "", environment: [String: String] = [:]) throws -> Outcome
  {
    try run(Sandbox.binary, arguments.map(resolve), input: input, environment: environment)
  }

  /// Runs a shell script in which `$GRAFT` is the binary.
  func shell(_ script: String, environment: [String: String] = [:]) throws -> Outcome {
    try run(
      URL(filePath: "/bin/bash"), ["-c", script],
      environment: environment.merging(["GRAFT": Sandbox.binary.path]) { $1 })
  }

  private func run(
    _ executable: URL, _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> Outcome {
    // Outside the sandbox, so that they do not count as left behind.
    let channels = directory.deletingLastPathComponent().appending(path: directory.lastPathComponent + ".io")
    let files = FileManager.default
    try files.createDirectory(at: channels, withIntermediateDirectories: true)
    defer { try? files.removeItem(at: channels) }
    let paths = ["in", "out", "err"].map { channels.appending(path: $0) }
    try Data(input.utf8).write(to: paths[0])
    for path in paths.dropFirst() { try Data().write(to: path) }

    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = directory
    // No test asks the real Hub, or finds what is in this user's cache.
    let hub = [
      "HF_HUB_OFFLINE": "1", "HF_HOME": channels.appending(path: "huggingface").path,
      "GRAFT_ZOO": channels.appending(path: "zoo.json").path,
    ]
    process.environment = ProcessInfo.processInfo.environment.merging(hub) { $1 }.merging(environment) { $1 }
    process.standardInput = try FileHandle(forReadingFrom: paths[0])
    process.standardOutput = try FileHandle(forWritingTo: paths[1])
    process.standardError = try FileHandle(forWritingTo: paths[2])
    try process.run()
    process.waitUntilExit()
    return Outcome(
      stdout: String(decoding: try Data(contentsOf: paths[1]), as: UTF8.self),
      stderr: String(decoding: try Data(contentsOf: paths[2]), as: UTF8.self),
      code: process.terminationStatus, crashed: process.terminationReason == .uncaughtSignal)
  }

  /// Every file and directory in the sandbox with its size, hidden ones included.
  func listing() throws -> [String] {
    let names = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
    return try names.sorted().map { name in
      let attributes = try FileManager.default.attributesOfItem(atPath: url(name).path)
      return attributes[.type] as? FileAttributeType == .typeRegular
        ? "\(name) \(attributes[.size] ?? 0)" : name
    }
  }

  // MARK: Making inputs

  func write(_ path: String, _ text: String) throws { try write(path, Array(text.utf8)) }

  func write(_ path: String, _ bytes: [UInt8]) throws {
    try FileManager.default.createDirectory(
      at: url(path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url(path))
  }

  /// A copy of a tiny checkpoint.
  func copy(_ fixture: String, to name: String = "model") throws {
    try FileManager.default.copyItem(atPath: resolve("{\(fixture)}"), toPath: url(name).path)
  }

  /// Changes one text in a file.
  func replace(_ old: String, with new: String, in path: String) throws {
    let text = try String(contentsOf: url(path), encoding: .utf8)
    try #require(text.contains(old), "\(path) has no \(old)")
    try write(path, text.replacingOccurrences(of: old, with: new))
  }

  /// A copy of a tiny checkpoint whose weights are these bytes.
  func copy(_ fixture: String, weights: [UInt8]) throws {
    try copy(fixture)
    try write("model/model.safetensors", weights)
  }

  /// A copy of a tiny checkpoint whose weights are a safetensors header and so many bytes of data.
  func copy(_ fixture: String, header: String, data: Int = 8) throws {
    let length = UInt64(header.utf8.count)
    let prefix = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
    try copy(fixture, weights: prefix + Array(header.utf8) + [UInt8](repeating: 0, count: data))
  }
}

/// What a few commands made, for every row that begins with it: the commands run once, their files are kept in memory.
struct Prepared: Sendable {
  private let files: Result<[String: Data], any Error>

  init(_ make: (Sandbox) throws -> Void) {
    files = Result {
      try Sandbox.with { sandbox in
        try make(sandbox)
        let paths =
          FileManager.default.enumerator(atPath: sandbox.directory.path)?
          .compactMap { $0 as? String } ?? []
        return try paths.reduce(into: [:]) { files, path in
          var isDirectory: ObjCBool = false
          _ = FileManager.default.fileExists(atPath: sandbox.url(path).path, isDirectory: &isDirectory)
          if !isDirectory.boolValue { files[path] = try Data(contentsOf: sandbox.url(path)) }
        }
      }
    }
  }

  /// Runs commands that have to succeed.
  init(_ commands: String...) {
    self.init { sandbox in
      for command in commands {
        let outcome = try sandbox.graft(command.split(separator: " ").map(String.init))
        try #require(outcome.code == 0, "\(outcome.stderr)")
      }
    }
  }

  func write(into sandbox: Sandbox) throws {
    for (path, data) in try files.get() { try sandbox.write(path, Array(data)) }
  }
}

/// One row of a table: what is typed, and what a person reads.
struct Row: Sendable, CustomTestStringConvertible {
  let arguments: [String]
  /// What standard output has; empty for nothing to be looked at.
  var stdout: [String] = []
  /// The whole of standard output.
  var wholeStdout: String?
  var stderr: [String] = []
  var code: Int32 = 0
  var input = ""
  /// Makes what the command works on.
  var prepare: @Sendable (Sandbox) throws -> Void = { _ in }

  init(
    _ command: String, _ more: [String] = [], code: Int32 = 0, stdout: [String] = [],
    whole: String? = nil, stderr: [String] = [], input: String = "",
    prepare: @escaping @Sendable (Sandbox) throws -> Void = { _ in }
  ) {
    arguments = command.split(separator: " ").map(String.init) + more
    self.stdout = stdout
    wholeStdout = whole
    self.stderr = stderr
    self.code = code
    self.input = input
    self.prepare = prepare
  }

  var testDescription: String { "graft " + arguments.joined(separator: " ") }

  /// Runs the row and compares. Whatever fails must leave the directory as it was, and its message must be
  /// printed once.
  func check() throws {
    try Sandbox.with { sandbox in
      try prepare(sandbox)
      let before = try sandbox.listing()
      let outcome = try sandbox.graft(arguments, input: input)
      #expect(outcome.code == code && !outcome.crashed, "\(outcome.stdout)\n\(outcome.stderr)")
      if let wholeStdout { #expect(outcome.stdout == wholeStdout) }
      for text in stdout { #expect(outcome.stdout.contains(text), "in: \(outcome.stdout)") }
      for text in stderr { #expect(outcome.stderr.contains(text), "in: \(outcome.stderr)") }
      let after = try sandbox.listing()
      if code != 0 {
        #expect(after == before)
      }
      #expect(!after.contains { $0.contains(".partial") || $0.contains(".retired") })
      let messages = outcome.stderr.components(separatedBy: "graft: error: ").count - 1
      let isVerdict = code == 1 && ["diff", "verify"].contains(arguments.first) && messages == 0
      #expect(messages == (code == 0 || isVerdict ? 0 : 1), "\(outcome.stderr)")
    }
  }
}
