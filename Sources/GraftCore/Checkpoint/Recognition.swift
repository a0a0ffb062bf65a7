import GraftTensors

extension Registry {
  /// The family and the dialect of a file.
  ///
  /// The family is the one that the configuration names: by `model_type`, else by the class in `architectures`.
  /// When it names none, the one whose names most of the tensors have.
  ///
  /// - Throws: `GraftError` when the family is not registered, no dialect knows a name, or several families do
  ///   equally well.
  func recognize(_ stored: Weights, _ configuration: Configuration) throws -> (Family, Dialect) {
    let named = try namedFamily(configuration)
    var matches: [(family: Family, dialect: Dialect, count: Int)] = []
    var failures: [any Error] = []
    for family in named.map({ [$0] }) ?? families.values {
      let backbone: any Backbone
      do {
        backbone = try family.makeBackbone(configuration)
      } catch  where named == nil {
        failures.append(error)
        continue
      }
      var best: (family: Family, dialect: Dialect, count: Int)?
      // No other dialect knows more names than all.
      for dialect in family.dialects where (best?.count ?? 0) < stored.tensors.count {
        let table = NameTable(dialect, on: backbone, heads: dialect.heads.keys.sorted())
        let count = table.matches(stored.tensors.keys)
        if count > best?.count ?? 0 { best = (family, dialect, count) }
      }
      if let best { matches.append(best) }
    }
    guard let largest = matches.map(\.count).max() else {
      // A configuration that no family accepts hides what its tensors are.
      if let failure = failures.first { throw failure }
      let first = stored.tensors.keys.first ?? "no tensor"
      throw GraftError(
        .unsupported,
        "none of its \(stored.tensors.count) tensors has a name that a dialect knows",
        found: "'\(first)' first",
        advice:
          "Known dialects: \(dialects.map { "\($0.family.name)/\($0.dialect.name)" }.joined(separator: ", "))."
      )
    }
    let best = matches.filter { $0.count == largest }
    guard best.count == 1 else {
      throw GraftError(
        .mismatch, "its tensors fit several families",
        subject: "key 'model_type' of \(ModelDirectory.configurationName)",
        expected: "one of \(best.map(\.family.name).joined(separator: ", "))", found: "nothing",
        advice: "Say in config.json which one it is.")
    }
    return (best[0].family, best[0].dialect)
  }

  /// The family that a configuration names.
  private func namedFamily(_ configuration: Configuration) throws -> Family? {
    if configuration["model_type"] != nil {
      do {
        return try families.find(configuration.string("model_type", default: ""))
      } catch var error as GraftError {
        error.subject = "key 'model_type' of \(ModelDirectory.configurationName)"
        throw error
      }
    }
    guard let name = configuration["architectures"]?.array?.first?.string else { return nil }
    return families.values.filter { family in
      let rest = name.dropFirst(family.classPrefix.count)
      return name.hasPrefix(family.classPrefix) && (rest == "Model" || rest.hasPrefix("For"))
    }.max { $0.classPrefix.count < $1.classPrefix.count }
  }
}
