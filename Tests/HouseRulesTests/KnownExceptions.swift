/// What breaks the rules today. Each line is to be mended and then removed: a line that no longer breaks a rule fails
/// the tests, just as a new violation does.
enum KnownExceptions {
  private static func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }

  /// Imports that lead upward or sideways.
  static let imports = lines(
    #"""
    Sources/GraftCommandLine/Commands/Embed.swift: imports NumPy
    Plugins/Formats/HDF5/HDF5.swift: imports GraftCore
    Plugins/Formats/NumPy/NumPy.swift: imports GraftCore
    Plugins/Formats/PyTorch/Pickle.swift: imports GraftCompute
    Plugins/Formats/PyTorch/PickleCalls.swift: imports GraftCompute
    Plugins/Formats/PyTorch/PickleValue.swift: imports GraftCompute
    Plugins/Formats/PyTorch/PyTorch.swift: imports GraftCore
    Plugins/Formats/PyTorch/StateDict.swift: imports GraftCompute
    Plugins/Formats/Safetensors/Safetensors.swift: imports GraftCore
    Plugins/Formats/TensorFlowBundle/Table.swift: imports GraftCore
    Plugins/Formats/TensorFlowBundle/TensorFlowBundle.swift: imports GraftCore
    """#)

  /// Names of plugins outside their folders.
  static let names = lines(
    #"""
    Sources/GraftHub/FileSelection.swift: names 'bert'
    Sources/GraftHub/Hub.swift: names 'bert'
    Sources/GraftKit/Converting/OutputOptions.swift: names 'safetensors'
    Sources/GraftKit/Training/TrainingOptions.swift: names 'adamw'
    Sources/GraftKit/Training/TrainingOptions.swift: names 'tensorboard'
    Plugins/Families/BERT/Dialects/GGUF.swift: names 'gguf'
    Plugins/Families/BERT/Dialects/TransformersTensorFlow.swift: names 'tensorflow'
    Plugins/Formats/TensorFlowBundle/TensorFlowBundle.swift: names 'bert'
    Plugins/Tokenizers/WordPiece/GGUFTokenizer.swift: names 'bert'
    """#)

  /// Flags and commands below the command line.
  static let commandLineWords: [String] = []

  /// Errors that nobody sees.
  static let swallowedErrors = lines(
    #"""
    Sources/GraftCommandLine/Commands/HeadList.swift: if let detached = try? registry.openHead(url) {
    Sources/GraftCommandLine/Commands/Inspect.swift: guard (try? registry.openHead(url)) == nil else {
    Sources/GraftCommandLine/Support/OutputSummary.swift: let names = (manager.enumerator(atPath: url.path)?.compactMap { $0 as? String } ?? []).sorted()
    Sources/GraftCommandLine/Support/OutputSummary.swift: (try? RandomAccessFile(url.appendingPathComponent(name))).map { (name, $0.size) }
    Sources/GraftCore/Checkpoint/ModelDirectory.swift: let paths = files.enumerator(atPath: url.path)?.compactMap { $0 as? String } ?? []
    Sources/GraftExperiments/Experiment/ExperimentRecord.swift: return (try? JSON(file: file))?.object?.reduce(into: [:]) { $0[$1.key] = $1.value.double }
    Sources/GraftExperiments/Experiment/ExperimentRecord.swift: let earlier = try? JSON(file: output.appending(path: Self.fileName))[""]
    Sources/GraftExperiments/Experiment/ExperimentRun.swift: let attributes = try? FileManager.default.attributesOfFileSystem(forPath: place.path)
    Sources/GraftExperiments/Experiment/StageCache.swift: guard let document = try? JSON(file: directory.appending(path: Self.fileName)),
    Sources/GraftExperiments/Experiment/StageCache.swift: ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []).sorted()
    Sources/GraftExperiments/Experiment/StageCache.swift: let values = try? (file as? URL)?.resourceValues(forKeys: Set(keys))
    Sources/GraftExperiments/Experiment/StageCache.swift: try? FileManager.default.moveItem(at: url, to: retired)
    Sources/GraftExperiments/Experiment/StageCache.swift: let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoint.path)) ?? []
    Sources/GraftExperiments/Experiment/StageCache.swift: for name in ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted() {
    Sources/GraftExperiments/Experiment/StageRunner.swift: before = (try? JSON(file: file))?[""]?.double ?? 0
    Sources/GraftHub/Hub.swift: let parts = try? selection.parts(of: weights, in: files, directory: directory),
    Sources/GraftHub/Hub.swift: let paths = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
    Sources/GraftHub/HubCache.swift: guard let text = try? RandomAccessFile(file).bytesOfWholeFile(limit: 100) else { return nil }
    Sources/GraftHub/HubSettings.swift: ?? (try? String(contentsOf: tokenFile, encoding: .utf8))
    Sources/GraftKit/Training/TrainingDirectory.swift: try? FileManager.default.moveItem(at: checkpoint(step), to: retired)
    Plugins/Metrics/TensorBoard/TensorBoardWriter.swift: let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    """#)
}
