import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import OrderedCollections

extension Experiment.DataSet {
  /// The place in the experiment's file of what an error of reading is about: a column that is named there, or the files.
  func place(of error: GraftError) -> YAMLValue.Place? {
    let columns = [
      ("text-column", options.textColumns), ("pair-column", [options.pairColumn].compactMap(\.self)),
      ("label-column", options.labelColumns),
    ]
    let key = columns.first { $1.contains { error.subject == "column '\($0)'" } }?.0
    return places[key ?? "files"]
  }
}

/// How data sets are read.
extension ExperimentSchema {
  func dataSets() -> OrderedDictionary<String, Experiment.DataSet> {
    let place: String? = keys.read("data-dir")
    let given = [place.map(url) ?? dataDirectory].compactMap { $0 }
    let paths = OrderedSet((given + NamedDataSet.directories()).map(\.standardizedFileURL.path))
    let directories = paths.map { URL(fileURLWithPath: $0, isDirectory: true) }
    guard let value = keys.required("data") else { return [:] }
    var result: OrderedDictionary<String, Experiment.DataSet> = [:]
    for (name, _, value) in MappingReader(value, "'data'", diagnostics).entries {
      let keys = MappingReader(value, "a data set", diagnostics)
      result[name] = dataSet(keys, in: directories)
      result[name]?.places = Dictionary(
        uniqueKeysWithValues: ["files", "text-column", "pair-column", "label-column"].map {
          ($0, keys.place(of: $0))
        })
    }
    return result
  }

  private func dataSet(_ keys: MappingReader, in directories: [URL]) -> Experiment.DataSet? {
    defer { keys.finish() }
    var options = DataOptions()
    keys.read("take", &options.take)
    keys.read("skip", &options.skip)
    keys.read("shuffle-seed", &options.shuffleSeed)
    require(options.skip >= 0, "skip", "0 or more", keys)
    if let take = options.take { require(take > 0, "take", "at least 1", keys) }
    let (folds, foldSeed): (Int?, UInt64?) = (keys.read("folds"), keys.read("fold-seed"))
    if let folds { require(2...1000 ~= folds, "folds", "between 2 and 1000", keys) }
    if foldSeed != nil { require(folds != nil, "fold-seed", "left out where there are no 'folds'", keys) }
    let part = part(keys)
    keys.read("data-format", &options.format)
    keys.read("quoting", &options.quoting)
    keys.read("delimiter", expecting: "one character, or comma, semicolon, tab, pipe or space") { text in
      options.delimiter = DataOptions.delimiter(text)
      return options.delimiter != nil
    }
    keys.read("label-delimiter", expecting: "a text, or comma, semicolon, tab, pipe or space") { text in
      options.labelDelimiter = DataOptions.labelDelimiter(text)
      return options.labelDelimiter != nil
    }
    options.textColumns = columns("text-column", keys)
    options.pairColumn = columns("pair-column", keys).first
    options.labelColumns = columns("label-column", keys)
    require(
      options.labelDelimiter == nil || options.labelColumns.count < 2, "label-delimiter",
      "left out where labels have columns of their own", keys)
    let labelBase: Int? = keys.read("label-base")
    guard keys.required("files") != nil else { return nil }
    let files: [String] = keys.list("files") ?? []
    let place = keys.place(of: "files")
    do {
      if files.count == 1, !FileManager.default.fileExists(atPath: url(files[0]).path),
        let (set, split) = try NamedDataSet.find(files[0])
      {
        for key in [
          "text-column", "pair-column", "label-column", "label-base", "label-delimiter", "data-format",
          "delimiter", "quoting",
        ]
        where keys[key] != nil {
          diagnostics.add(
            keys.place(of: key), "'\(files[0])' has its own columns and labels; leave '\(key)' out")
        }
        do {
          _ = try set.locate(split, in: directories)
        } catch var error as GraftError {
          error.advice =
            """
            Put the original CSV file there, or name the directory above with \(option: "data-dir") or GRAFT_DATA.
            """
          throw error
        }
        return Experiment.DataSet(
          source: .named(set, split, directories: directories), options: options, folds: folds,
          foldSeed: foldSeed ?? TrainingOptions().seed, part: part)
      }
    } catch {
      diagnostics.add(place, error)
      return nil
    }
    return Experiment.DataSet(
      source: .files(files.flatMap { matching($0, place) }, labelBase: labelBase), options: options,
      folds: folds, foldSeed: foldSeed ?? TrainingOptions().seed, part: part)
  }

  /// One of two parts of the rows.
  private func part(_ keys: MappingReader) -> Experiment.DataSet.Part? {
    let (size, seed): (Double?, UInt64?) = (keys.read("test-size"), keys.read("split-seed"))
    let part: PartName? = keys.read("part")
    guard let size else {
      for key in ["part", "split-seed"] {
        require(
          keys[key] == nil || keys["test-size"] != nil, key, "left out where there is no 'test-size'", keys)
      }
      return nil
    }
    require(
      size > 0 && (size < 1 || keys["test-size"]?.text.flatMap { Int32($0) } != nil), "test-size",
      "a share between 0 and 1, or a whole number of rows", keys)
    if keys["part"] == nil { diagnostics.add(keys.place, "'test-size' needs the key 'part': train or test") }
    return part.map {
      Experiment.DataSet.Part(testSize: size, seed: seed ?? TrainingOptions().seed, isTest: $0 == .test)
    }
  }

  private enum PartName: String, CaseIterable, OptionValue {
    case train, test
  }

  private func columns(_ key: String, _ keys: MappingReader) -> [Column] {
    let texts: [String] = keys.list(key) ?? []
    do {
      return try texts.flatMap(Column.list)
    } catch {
      diagnostics.add(keys.place(of: key), error)
      return []
    }
  }
}
