import ArgumentParser
import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// The whole command line over a list of plugins, so that anybody can link a `graft` of their own:
///
///     import GraftCommandLine
///     import GraftPlugins
///     import MyPlugin
///
///     GraftTool.main(plugins: builtInPlugins + [MyPlugin.self])
public enum GraftTool {
  /// The plugins of the command that is running.
  @TaskLocal static var plugins: [any Plugin.Type] = []
  /// The processes that run the command together.
  @TaskLocal static var group: any ProcessGroup = SingleProcess()

  /// Parses the process's arguments, runs the command and exits; every error is printed here, once.
  ///
  /// - Parameter plugins: What the commands work with.
  public static func main(plugins: [any Plugin.Type]) -> Never {
    // A reader that leaves is seen where something is written, and so is a connection that the other side closed.
    signal(SIGPIPE, SIG_IGN)
    var group: (any ProcessGroup)?
    var resumption: String?
    $plugins.withValue(plugins) {
      do {
        prepareEnvironment()
        try checkArguments()
        try checkLimits()
        var command = try parse()
        try Ranks.silence()
        let joined = try Ranks.join(command)
        group = joined
        resumption = (command as? any RunsOnRanks).flatMap { type(of: $0).resumption }
        try $group.withValue(joined) { try command.run() }
      } catch let error as GraftError {
        end(with: error.inCommandLineWords.suggestingPath, group, resumption)
      } catch let error as CocoaError {
        end(with: GraftError(error).inCommandLineWords, group, resumption)
      } catch {
        end(with: error, group)
      }
    }
    end(with: ExitCode.success, group)
  }

  /// Prints what an error says, and ends the process at once. `exit` would first destroy what threads that still compute
  /// may be using.
  ///
  /// Of several ranks all end so, or one that has an error ends the others.
  ///
  /// - Parameter resumption: How ranks go on after the machine, or one of them, failed.
  private static func end(
    with error: any Error, _ group: (any ProcessGroup)?, _ resumption: String? = nil
  ) -> Never {
    var error = error
    if error is ExitCode {
      do {
        try (group as? ConnectedGroup)?.close()
      } catch let failure { error = failure }
    }
    if !(error is ExitCode) {
      Ranks.waitForLeader(group)
      if var own = error as? GraftError, let rank = Ranks.name(group) {
        own.subject = [rank, own.subject].compactMap(\.self).joined(separator: ": ")
        if own.kind == .system, let resumption {
          let sentences = [own.advice?.description, resumption].compactMap(\.self)
          own.advice = Advice(sentences.joined(separator: " "))
        }
        error = own
      }
    }
    let code = exitCode(of: error)
    let message = Graft.fullMessage(for: error).withoutControls
    if !message.isEmpty {
      _ = Output.write(message + "\n", to: code == ExitCode.success.rawValue ? STDOUT_FILENO : STDERR_FILENO)
    }
    fflush(nil)
    if let group, !(error is ExitCode), code != 0 { Ranks.abort(group, code: code) }
    _exit(code)
  }

  /// An argument that names nothing is wrong usage, whoever finds it out.
  private static func exitCode(of error: any Error) -> Int32 {
    let isWrongName = (error as? GraftError).map { $0.kind == .unknownName && $0.file == nil } == true
    return (isWrongName ? ExitCode.validationFailure : Graft.exitCode(for: error)).rawValue
  }

  /// The command that the process's arguments are.
  ///
  /// - Throws: What the parser throws; where a name is misspelt, the process ends with a message that has the nearest.
  private static func parse() throws -> any ParsableCommand {
    do {
      return try Graft.parseAsRoot()
    } catch {
      guard Graft.exitCode(for: error) == .validationFailure,
        let message = Misspelling.message(
          for: error, Array(CommandLine.arguments.dropFirst()), in: try JSON(parsing: Graft._dumpHelp()))
      else { throw error }
      Ranks.waitForLeader(nil)
      Console.write(message + "\n")
      Foundation.exit(ExitCode.validationFailure.rawValue)
    }
  }

  /// Refuses arguments that are no text: a path of other bytes would be that of another file.
  private static func checkArguments() throws {
    for index in 0..<Int(CommandLine.argc) {
      guard let argument = CommandLine.unsafeArgv[index], String(validatingCString: argument) == nil else {
        continue
      }
      throw GraftError(
        .unsupported, "it is not UTF-8", subject: "argument \(index)",
        found: "'\(String(cString: argument))'", advice: "Rename the file, or make a link to it.")
    }
  }

  /// The fewest files that have to be open at once: libraries end the process where they cannot open theirs.
  private static let fewestFiles: UInt = 16

  /// Refuses to work with fewer open files than that.
  private static func checkLimits() throws {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < fewestFiles
    else { return }
    throw GraftError(
      .system, "the process may open too few files", expected: "at least \(fewestFiles)",
      found: "\(limit.rlim_cur)", advice: "Raise the limit: 'ulimit -n 256'.")
  }

  /// Sets what the plugins' libraries read while they are loaded, where the user has not set it. The process has no
  /// other threads yet.
  private static func prepareEnvironment() {
    for plugin in plugins {
      for (name, value) in plugin.environment { setenv(name, value, 0) }
    }
  }

  /// A registry of the plugins that the command line was started with.
  ///
  /// - Throws: `GraftError` when two of them use one name.
  static func registry() throws -> Registry { try Registry(plugins) }
}

extension GraftError {
  /// What Foundation reports when a file system call fails.
  fileprivate init(_ error: CocoaError) {
    let cause = (error.underlying as? POSIXError).map { String(cString: strerror($0.code.rawValue)) }
    self.init(
      .system, "cannot be read or written (\(cause ?? error.localizedDescription))", file: error.filePath)
  }
}
