import Foundation
import TestSupport

/// The rules of the design that can be read off the sources. Each returns its violations, one line each, beginning
/// with the path of the file.
struct HouseRules {
  let files: [SwiftSource]
  let plugins: [PluginFolder]

  init() throws {
    files = try SwiftSource.all(in: "Sources", "Plugins")
    plugins = PluginFolder.all(in: files)
  }

  // MARK: Modules

  /// The layers, from the lowest: each may import those before it.
  static let layers = [
    "GraftTensors", "GraftCompute", "GraftCore", "GraftData", "GraftKit", "GraftExperiments",
  ]

  /// What a module may import besides the layers below it, the system's modules and those of swift-collections.
  static let others: [String: Set<String>] = [
    "GraftTensors": ["CLinux"],
    "GraftData": ["Zlib"],
    "GraftKit": ["Crypto"],
    "GraftExperiments": ["Crypto", "Yams"],
    "GraftMPI": ["GraftTensors", "GraftKit"],
    "GraftHub": ["GraftTensors", "GraftCore", "CCurl", "CLinux", "Crypto"],
    "GraftCommandLine": Set(layers).union(["GraftHub", "GraftMPI", "GraftPlugins", "NPY", "ArgumentParser"]),
    "graft": ["GraftCommandLine", "GraftPlugins", "COutOfMemory"],
    "VectorKernels": ["GraftTensors", "GraftCompute", "CVectorKernels"],
    "PostNormEncoder": ["GraftTensors", "GraftCompute", "GraftCore"],
    "Protobuf": ["GraftTensors"],
    "TokenizerKit": ["GraftTensors", "GraftCompute", "GraftCore"],
    "Checksums": ["CChecksums", "CZlib"],
    "Zlib": ["GraftTensors", "CZlib"],
    "Zip": ["GraftTensors", "Checksums", "Zlib"],
    "NPY": ["GraftTensors"],
  ]

  static let everywhere: Set = [
    "Foundation", "Dispatch", "Glibc", "Synchronization", "OrderedCollections", "HeapModule",
  ]

  /// What the plugins of a kind may import besides libraries and what they have in C.
  static let kinds: [String: Set<String>] = [
    "Families": ["GraftTensors", "GraftCompute", "GraftCore"],
    "Tasks": ["GraftTensors", "GraftCompute", "GraftCore"],
    "Tokenizers": ["GraftTensors", "GraftCompute", "GraftCore"],
    "Formats": ["GraftTensors"],
    "Optimizers": ["GraftTensors", "GraftCompute", "GraftCore"],
    "Backends": ["GraftTensors", "GraftCompute", "GraftCore"],
    "Metrics": ["GraftTensors", "GraftCore"],
  ]

  /// Formats whose files are whole models: they know configurations and graphs, not tensors alone.
  static let wholeModels: [String: Set<String>] = [
    "GGUF": ["GraftCore"], "ONNX": ["GraftCore", "GraftCompute"],
  ]

  /// Imports that lead upward, sideways, or to a package that is another module's business.
  var imports: [String] {
    files.flatMap { file in
      let allowed = Self.allowedImports(of: file.path)
      return Set(file.imports).subtracting(allowed).sorted().map { "\(file.path): imports \($0)" }
    }
  }

  private static func allowedImports(of path: String) -> Set<String> {
    let parts = path.split(separator: "/").map(String.init)
    if parts[0] == "Plugins" {
      let libraries = Set(
        others.keys.filter { !$0.hasPrefix("Graft") && $0 != "graft" } + ["CZlib"])
      // The file that registers a plugin is the core's.
      let registering: Set = parts[3].hasSuffix("Plugin.swift") ? ["GraftCore"] : []
      return everywhere.union(libraries).union(registering).union(kinds[parts[1]] ?? [])
        .union(wholeModels[parts[2]] ?? []).union(["C\(parts[2])"])
    }
    let module = parts[1] == "Libraries" ? parts[2] : parts[1]
    if module == "GraftPlugins" { return PluginFolder.names.union(["GraftCore"]) }
    let below = layers.firstIndex(of: module).map { layers[..<$0] } ?? []
    return everywhere.union(below).union(others[module] ?? [])
  }

  /// Plugins whose folder and whose place in the list do not go together.
  var list: [String] {
    let path = "Sources/GraftPlugins/GraftPlugins.swift"
    let listed = Set(files.first { $0.path == path }?.imports ?? []).subtracting(["GraftCore"])
    return listed.symmetricDifference(PluginFolder.names).sorted().map { "\(path): \($0)" }
  }

  // MARK: Names

  /// Names of plugins in string literals outside the plugin's folder and the list.
  ///
  /// A family may name tasks: its dialects hold the heads of each. So may the library of what families share. In the command line, whose help has examples, only
  /// a literal that is a name and nothing else counts.
  var names: [String] {
    files.filter {
      !$0.path.hasPrefix("Sources/GraftPlugins/") && $0.path != Self.defaults
    }.flatMap { file in
      let isHelp = file.path.hasPrefix("Sources/GraftCommandLine/")
      let isFamily = ["Plugins/Families/", "Sources/Libraries/PostNormEncoder/"].contains {
        file.path.hasPrefix($0)
      }
      let others = plugins.filter {
        !file.path.hasPrefix($0.folder + "/") && !(isFamily && $0.folder.hasPrefix("Plugins/Tasks/"))
      }
      return others.flatMap { plugin in
        plugin.registered.filter { name in
          file.literals.contains { isHelp ? $0 == name : plugin.isNamed(name, in: $0) }
        }.filter { Self.dictatedNames[file.path]?.contains($0) != true }.map { "\(file.path): names '\($0)'" }
      }.sorted()
    }
  }

  /// The one place that says which plugins are used where nobody names one.
  static let defaults = "Sources/GraftKit/Support/DefaultPlugins.swift"

  /// Names that other tools dictate, and that happen to be those of plugins as well.
  static let dictatedNames: [String: Set<String>] = [
    // What transformers has before the names of these, which took over RoBERTa's.
    "Plugins/Families/CamemBERT/CamemBERT.swift": ["roberta"],
    "Plugins/Families/XLMRoBERTa/XLMRoBERTa.swift": ["roberta"],
    // The model's name, and what its own code calls the encoder.
    "Plugins/Families/NomicBERT/NomicBERT.swift": ["bert"],
    "Plugins/Families/NomicBERT/Dialects/GGUF.swift": ["bert"],
    "Plugins/Families/NomicBERT/Dialects/Transformers.swift": ["bert"],
    // What Google calls the scope of every model.
    "Plugins/Families/ALBERT/Dialects/Google.swift": ["bert"],
    // What Google calls the file in its releases.
    "Plugins/Formats/TensorFlowBundle/TensorFlowBundle.swift": ["bert"],
    // What SentencePiece's files, and its models of merges, are called.
    "Plugins/Tokenizers/Pipeline/SentencePieceClass.swift": ["bpe"],
    "Plugins/Tokenizers/Pipeline/SentencePieceConversion.swift": ["bpe"],
    // What sentence-transformers calls the settings of every encoder.
    "Sources/GraftCore/Sentences/SentenceFiles.swift": ["bert"],
    // What llama.cpp calls WordPiece.
    "Plugins/Tokenizers/WordPiece/GGUFTokenizer.swift": ["bert"],
    // llama.cpp calls all of these encoders so, and the format is the dialect's name too.
    "Plugins/Families/DistilBERT/Dialects/GGUF.swift": ["bert"],
    // A module of KerasHub.
    "Plugins/Families/DistilBERT/Dialects/KerasHub.swift": ["bert"],
    "Plugins/Families/XLMRoBERTa/Dialects/KerasHub.swift": ["roberta"],
    "Sources/Libraries/PostNormEncoder/GGUFNames.swift": ["bert", "gguf"],
    // What Keras says of its backend in the metadata of a file.
    "Plugins/Families/BERT/Dialects/TransformersTensorFlowLayers.swift": ["tensorflow"],
    "Sources/Libraries/PostNormEncoder/KerasNLPNames.swift": ["tensorflow"],
    "Sources/Libraries/PostNormEncoder/TensorFlowNames.swift": ["tensorflow"],
  ]

  /// Flags, and commands such as `graft import`, in string literals below the command line.
  var commandLineWords: [String] {
    files.filter {
      !$0.path.hasPrefix("Sources/GraftCommandLine/") && !Self.styleSheets.contains($0.path)
    }.flatMap { file in
      Set(
        file.literals.flatMap { literal in
          literal.matches(of: /(?:^|[^\w\-])(--(?:[a-z][a-z\-]*|\x{FFFC})|graft [a-z]+)/).map {
            $0.1.replacing(SwiftSource.interpolation, with: "…")
          }
        }
      ).sorted().map { "\(file.path): says '\($0)'" }
    }
  }

  /// Where two hyphens begin a variable of CSS.
  static let styleSheets = [
    "Sources/GraftExperiments/Report/HTMLReport.swift", "Sources/GraftExperiments/Report/Plots/Plot.swift",
  ]

  // MARK: Habits

  /// Changes of the process's environment, which every library in it would see, but for the program's own when it
  /// starts.
  var environments: [String] {
    files.filter { $0.path != "Sources/GraftCommandLine/GraftTool.swift" }.flatMap { file in
      file.lines(matching: /\b(setenv|unsetenv|putenv)\(/).map { "\(file.path): \($0)" }
    }
  }

  /// Errors that nobody sees: `try?`, an empty `catch`, and an enumerator, which a directory that cannot be read does
  /// not have. Cleaning up may fail quietly, for there is nothing that a caller could do.
  var swallowedErrors: [String] {
    files.flatMap { file in
      file.lines(matching: /\btry\?|\bcatch[^{]*\{\s*\}|\.enumerator\(atPath:.*\?\?/).filter {
        !$0.contains(/^[^?]*\btry\? [\w.]+\.(removeItem|close)\([^?]*$/)
      }.map { "\(file.path): \($0)" }
    }
  }

  /// Work that was put off.
  var reminders: [String] {
    files.filter { $0.comments.contains(/\b(TODO|FIXME|XXX)\b/) }.map { "\($0.path): a reminder" }
  }
}

/// A plugin's folder, and the names that it registers.
struct PluginFolder {
  /// `Plugins/Families/BERT`
  let folder: String
  let registered: [String]

  private static let directories: [String] = {
    let root = repository.appending(path: "Plugins")
    let kinds = (try? contents(root)) ?? []
    return kinds.flatMap { kind in
      ((try? contents(root.appending(path: kind))) ?? []).map { "Plugins/\(kind)/\($0)" }
    }
  }()

  /// The modules of all plugins.
  static let names = Set(directories.compactMap { $0.split(separator: "/").last.map(String.init) })

  static func all(in files: [SwiftSource]) -> [PluginFolder] {
    directories.map { folder in
      let names = files.filter { $0.path.hasPrefix(folder + "/") }.flatMap { file in
        // A family is a value.
        file.text.matches(of: /(?:public static let name = |= Family\(\s*name: )"([a-z0-9_\-]+)"/).map {
          String($0.1)
        }
      }
      return PluginFolder(folder: folder, registered: names)
    }
  }

  /// Whether a text has a name as a word. A format's name may be a file's extension, for that is what files are
  /// called; a family's name is found in snake case as well.
  func isNamed(_ name: String, in text: String) -> Bool {
    let isFamily = folder.hasPrefix("Plugins/Families/")
    return text.ranges(of: name).contains { range in
      let before = text[..<range.lowerBound].last
      let after = text[range.upperBound...].first
      if before == ".", folder.hasPrefix("Plugins/Formats/") { return false }
      return ![before, after].compactMap(\.self).contains {
        $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" && !isFamily
      }
    }
  }
}
