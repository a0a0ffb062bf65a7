import GraftKit

extension TrainingOptions {
  /// The settings of a training run, by their names. But for the end and the best, an experiment keeps one checkpoint
  /// at a time unless it says otherwise.
  init(reading keys: MappingReader) {
    self.init()
    saveTotalLimit = 1
    if keys["eval-data"] != nil || keys["eval-split"] != nil { evalStrategy = .epoch }
    for setting in Self.settings {
      if setting.isList {
        if let names: [String] = keys.list(setting.name),
          !setting.assign(names.joined(separator: ","), &self)
        {
          keys.diagnostics.add(
            keys.place(of: setting.name), "'\(setting.name)' has to be \(setting.expectation)")
        }
      } else if setting.isNumbersByName, let value = keys[setting.name], case .mapping = value.content {
        if !setting.assign(value.json.text(), &self) {
          keys.diagnostics.add(value.place, "'\(setting.name)' has to be \(setting.expectation)")
        }
      } else {
        keys.read(setting.name, expecting: setting.expectation) { setting.assign($0, &self) }
      }
    }
    if keys["save-total-limit"] == nil, let averageLast { saveTotalLimit = max(1, averageLast) }
    for var error in problems {
      let key = error.option ?? ""
      (error.option, error.subject) = (nil, "'\(key)'")
      keys.diagnostics.add(keys.place(of: key), error)
    }
  }
}
