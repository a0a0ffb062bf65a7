import GraftTensors

/// One of the ``TrainingOptions``: its name, what it is for, what it may be, and how it is read and recorded.
package struct TrainingSetting: Sendable {
  /// Words joined with `-`, as transformers' `TrainingArguments` calls it where it has it: `batch-size`.
  package let name: String
  /// A sentence or two.
  package let help: Advice
  /// What stands for the value in a synopsis: "N". `nil` for what is on or off.
  package let placeholder: String?
  /// What holds when nothing is given, where that is no value of its own: "all".
  package let fallback: Advice?
  /// Whether another value leads to another result. A run is only resumed when all those are the same.
  package let decidesResult: Bool
  /// Whether version 0.1 did not have it. At its default it leaves no trace in the keys of experiments' stages, so that
  /// what earlier versions made is found.
  package let addedLater: Bool
  /// Whether it is a list of names.
  package let isList: Bool
  /// Whether it is numbers by name, which may be given as the text of a JSON object.
  package let isNumbersByName: Bool
  /// What a text has to be: "a whole number".
  package let expectation: String
  /// Puts a value, or the text of one, into options.
  ///
  /// Returns whether it is such a value; options stay as they were when it is not.
  package let assign: @Sendable (_ value: Any, _ options: inout TrainingOptions) -> Bool
  /// The value, for a record; `null` when there is none.
  package let json: @Sendable (TrainingOptions) -> JSON
  /// An error when the value makes no sense.
  package let problem: @Sendable (TrainingOptions) -> GraftError?

  /// What a value may be.
  struct Bounds<Value: Sendable>: Sendable {
    /// In words: "a positive number".
    let expected: String
    let contains: @Sendable (Value) -> Bool
  }

  /// A setting that always has a value.
  init<Value: OptionValue>(
    _ name: String, _ path: any WritableKeyPath<TrainingOptions, Value> & Sendable,
    _ bounds: Bounds<Value>? = nil, placeholder: String? = nil, help: Advice, fallback: Advice? = nil,
    decidesResult: Bool = true, addedLater: Bool = false
  ) {
    self.init(
      name, Value.self, bounds, placeholder, help, fallback, decidesResult, addedLater,
      get: { $0[keyPath: path] },
      set: { $1[keyPath: path] = $0 })
  }

  /// A setting that may be left open.
  init<Value: OptionValue>(
    optional name: String, _ path: any WritableKeyPath<TrainingOptions, Value?> & Sendable,
    _ bounds: Bounds<Value>? = nil, placeholder: String, help: Advice, fallback: Advice? = nil,
    decidesResult: Bool = true, addedLater: Bool = false
  ) {
    self.init(
      name, Value.self, bounds, placeholder, help, fallback, decidesResult, addedLater,
      get: { $0[keyPath: path] },
      set: { $1[keyPath: path] = $0 })
  }

  private init<Value: OptionValue>(
    _ name: String, _: Value.Type, _ bounds: Bounds<Value>?, _ placeholder: String?, _ help: Advice,
    _ fallback: Advice?, _ decidesResult: Bool, _ addedLater: Bool,
    get: @escaping @Sendable (TrainingOptions) -> Value?,
    set: @escaping @Sendable (Value, inout TrainingOptions) -> Void
  ) {
    self.name = name
    self.help = help
    self.placeholder = placeholder
    self.fallback = fallback
    self.decidesResult = decidesResult
    self.addedLater = addedLater
    isList = Value.self == [String].self || Value.self == RankList.self
    isNumbersByName =
      Value.self == HeadWeights.self || Value.self == ClassWeights.self || Value.self == ScheduleShape.self
    expectation = Value.expectation
    assign = { value, options in
      let text = value as? String
      guard let value = text.map(Value.init(text:)) ?? value as? Value else { return false }
      set(value, &options)
      return true
    }
    json = { get($0)?.json ?? .null }
    problem = { options in
      guard let value = get(options) else { return nil }
      func wrong(_ expected: String) -> GraftError {
        GraftError(.malformed, "wrong value", option: name, expected: expected, found: "\(value)")
      }
      if let bounds, !bounds.contains(value) { return wrong(bounds.expected) }
      // Steps, texts and tokens are multiplied by one another, and stay far from the limits of an `Int`.
      if let count = value as? Int, count > Int(Int32.max) { return wrong("at most \(Int32.max)") }
      return nil
    }
  }
}

extension TrainingSetting.Bounds where Value == Int {
  static var positive: Self { Self(expected: "a positive number") { $0 > 0 } }
  static func atLeast(_ least: Int, _ expected: String) -> Self { Self(expected: expected) { $0 >= least } }
}

extension TrainingSetting.Bounds where Value == Double {
  static var positive: Self { Self(expected: "a positive number") { $0 > 0 && $0 < 1e6 } }
  static var notNegative: Self { Self(expected: "0 or more") { $0 >= 0 && $0.isFinite } }
  static var ratio: Self { Self(expected: "between 0 and 1") { $0 >= 0 && $0 <= 1 } }
  static var betweenZeroAndOne: Self { Self(expected: "above 0, below 1") { $0 > 0 && $0 < 1 } }
  static var share: Self { Self(expected: "above 0, at most 1") { $0 > 0 && $0 <= 1 } }
  static var belowOne: Self { Self(expected: "0 or more, below 1") { $0 >= 0 && Float($0) < 1 } }
}
