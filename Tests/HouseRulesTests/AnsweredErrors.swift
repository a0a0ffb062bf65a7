/// Errors that are an answer where they occur, by the reason. A reason goes when its last line does.
enum AnsweredErrors {
  static let lines = Set(byReason.flatMap(\.value))

  static let byReason: KeyValuePairs<String, [String]> = [
    "the last event is printed elsewhere, and fails there": [
      #"Sources/GraftCommandLine/Support/ExperimentDisplay.swift: try? Output.print(JSON.object([("", .string(event))] + members).text())"#,
      #"Sources/GraftCommandLine/Support/TrainingDisplay.swift: try? Output.print(JSON.object([("", .string(event))] + members).text())"#,
    ],
    "a machine that does not say what it is has no name": [
      #"Sources/GraftCommandLine/Support/Machine.swift: guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.readToEnd() else {"#
    ],
    "waits for the task on the way out; its value is taken, and its error thrown, elsewhere": [
      #"Sources/GraftCore/Checkpoint/CheckpointReading.swift: defer { _ = try? tokenizer.value() }"#,
      #"Sources/GraftCore/Checkpoint/CheckpointWriting.swift: defer { _ = try? tokenizerFiles.value() }"#,
    ],
    "without plugins there is nothing to complete; the command itself says why": [
      #"Sources/GraftCommandLine/Support/Arguments.swift: static var registry: Registry? { try? GraftTool.registry() }"#
    ],
    "what cannot be listed is not removed": [
      #"Sources/GraftTensors/Files/TemporaryName.swift: guard let names = try? directoryContents(directory) else { return false }"#,
      #"Sources/GraftKit/Training/TrainingDirectory.swift: guard let contents = try? directoryContents(url), contents.allSatisfy(isOwn) else { return }"#,
    ],
    "an error is being thrown already": [
      #"Sources/GraftCore/Checkpoint/CheckpointReading.swift: error.file = try? directory.configurationFile(configurationFiles).path"#
    ],
    "what is no symbolic link has no target": [
      #"Sources/GraftCore/Checkpoint/ModelDirectory.swift: let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link)"#,
      #"Sources/GraftExperiments/Experiment/ExperimentRecord.swift: try? FileManager.default.destinationOfSymbolicLink(atPath: link.path)"#,
      #"Sources/GraftTensors/Files/SharedMemory.swift: try? FileManager.default.destinationOfSymbolicLink(atPath: path)"#,
    ],
    "a text that is no JSON object is no numbers by name": [
      #"Sources/GraftKit/Training/NamedNumbers.swift: guard let members = (try? JSON(parsing: text.utf8))?.object else { return nil }"#
    ],
    "a list of modules that cannot be read names no folders; it is kept as it is": [
      #"Sources/GraftCore/Sentences/SentenceFiles.swift: let entries = (try? SentenceModuleEntry.list(in: directory))?.entries ?? []"#
    ],
    "a pattern that no file matches has no files": [
      #"Sources/GraftData/FilePattern.swift: ((try? files(url)) ?? []).contains { access($0.path, F_OK) == 0 }"#
    ],
    "a cell that is no list is a text": [
      #"Sources/GraftCore/Model/CellList.swift: func parsed(_ spelling: String) -> JSON? { try? JSON(parsing: spelling.utf8) }"#
    ],
    "what cannot be listed has nothing to suggest or to complete": [
      #"Sources/GraftCommandLine/Support/Misspelling.swift: let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []"#,
      #"Sources/GraftCommandLine/Support/Arguments.swift: let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []"#,
    ],
    "a catalogue that cannot be read has nothing to complete; commands say why": [
      #"Sources/GraftCommandLine/Support/Arguments.swift: registry.flatMap { try? ModelCatalogue($0) }?.entries.map(\.name) ?? []"#
    ],
    "what is no JSON is no object": [
      #"Sources/GraftData/FileLayout.swift: (try? JSON(parsing: Array(bytes)))?.object != nil"#
    ],
    "without the record that it is finished, a stage is done again": [
      #"Sources/GraftExperiments/Experiment/StageCache.swift: guard let document = try? JSON(file: directory.appending(path: Self.fileName)),"#
    ],
    "what is damaged is about to be written anew": [
      #"Sources/GraftExperiments/Experiment/ExperimentRecord.swift: static func earlier(in output: URL) -> JSON? { try? JSON(file: output.appending(path: Self.fileName)) }"#,
      #"Sources/GraftExperiments/Experiment/StageClock.swift: let seconds = (try? JSON(file: file))?[""]?.double ?? 0"#,
    ],
    "a file system that does not say how much is free is written to until it is full": [
      #"Sources/GraftExperiments/Experiment/ExperimentRun.swift: let attributes = try? FileManager.default.attributesOfFileSystem(forPath: place.path)"#
    ],
    "a time that cannot be written is no reason to end a run": [
      #"Sources/GraftExperiments/Experiment/StageClock.swift: try? FileWriter.write(file, text: JSON.object(["": JSON(seconds)]).text() + "")"#
    ],
    "for the message of an error": [
      #"Sources/GraftHub/BlobWriter.swift: let head = (try? RandomAccessFile(incomplete).head()) ?? []"#
    ],
    "a cache that is read-only and complete is good enough": [
      #"Sources/GraftHub/Hub.swift: do { try cache.setCommit(info.commit, of: name) } catch  where counts.fetched == 0 {}"#
    ],
    "a link without its file is not there": [
      #"Sources/GraftHub/Hub.swift: (try? RandomAccessFile(directory.appendingPathComponent($0))) != nil"#
    ],
    "a file that cannot be read is fetched again": [
      #"Sources/GraftHub/Hub.swift: guard let found = try? RandomAccessFile(url), found.size == file.size else { return false }"#,
      #"Sources/GraftHub/Hub.swift: return check != .contents || (try? file.content.isHash(of: found)) == true"#,
    ],
    "an answer that is no JSON is an error, which says what it is": [
      #"Sources/GraftHub/HubClient.swift: guard let json = try? JSON(parsing: body), let commit = json[""]?.string, ModelName.isCommit(commit),"#
    ],
    "looks at a file that an error is about": [
      #"Sources/GraftKit/Inspecting/Inspect.swift: guard let file = try? RandomAccessFile(url) else {"#,
      #"Sources/GraftKit/Inspecting/Inspect.swift: return (try? file.head()).flatMap { FileKind($0)?.description }"#,
    ],
    "a file that cannot be read is not recognized": [
      #"Sources/Libraries/Zip/ZipDirectory.swift: guard let head = try? LittleEndian(file.head()), let length = head.uint16(at: 26) else { return nil }"#
    ],
    "nothing may follow: the end of the text is what is expected": [
      #"Sources/Libraries/NPY/PythonLiteral.swift: guard (try? peek()) == nil else { throw Self.broken("") }"#
    ],
    "a number that does not fit is another value": [
      #"Plugins/Formats/PyTorch/Pickle.swift: return (try? integer(digits)).map { .int($0) } ?? .other"#
    ],
    "events end at the first that is damaged": [
      #"Plugins/Metrics/TensorBoard/EventRecord.swift: while let (message, next) = try record(at: end, in: file), let found = try? self.step(of: message),"#
    ],
  ]
}
