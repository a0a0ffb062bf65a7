import Foundation
import GraftCore
import GraftTensors
import Protobuf

/// What TensorBoard shows of a run beside its numbers: texts, and a row of the table HPARAMS.
///
/// There is no `_hparams_/experiment`: TensorBoard takes the first that it finds for all runs of a directory, and without
/// one it makes the table from the settings and scalars of them all.
///
/// https://github.com/tensorflow/tensorboard/blob/2.21.0/tensorboard/plugins/hparams/plugin_data.proto
/// https://github.com/tensorflow/tensorboard/blob/2.21.0/tensorboard/plugins/text/summary_v2.py
enum RunSummary {
  static let sessionStart = "_hparams_/session_start_info"
  static let sessionEnd = "_hparams_/session_end_info"

  /// The settings and the configuration as texts, and the settings as hyperparameters.
  ///
  /// - Parameter time: When the run began, in seconds since 1970.
  static func start(_ run: RunDescription, time: Double) -> [UInt8] {
    var summary: [UInt8] = []
    summary.appendField(1, text("args/text_summary", block(.object(run.settings))))
    summary.appendField(1, text("model_config/text_summary", block(run.configuration)))
    var session: [UInt8] = []
    for (name, value) in run.settings.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      guard let value = self.value(value) else { continue }
      var entry: [UInt8] = []
      entry.appendField(1, name)
      entry.appendField(2, value)
      session.appendField(1, entry)
    }
    session.appendVarint(5 << 3 | 1)
    session.appendFixed(time.bitPattern)
    summary.appendField(1, hyperparameters(sessionStart, 3, session))
    return summary
  }

  /// How the run ended.
  ///
  /// - Returns: `nil` for a run that may go on.
  static func end(_ end: RunEnd, time: Double) -> [UInt8]? {
    let status =
      switch end {
      case .finished: 1
      case .failed: 2
      case .interrupted: Int?.none
      }
    guard let status else { return nil }
    var session: [UInt8] = []
    session.appendField(1, status)
    session.appendVarint(2 << 3 | 1)
    session.appendFixed(time.bitPattern)
    var summary: [UInt8] = []
    summary.appendField(1, hyperparameters(sessionEnd, 4, session))
    return summary
  }

  /// A document as a Markdown block of code, which is JSON all the same.
  static func block(_ document: JSON) -> String {
    document.text(.pretty).split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
  }

  /// `google.protobuf.Value`; lists and objects are texts.
  private static func value(_ json: JSON) -> [UInt8]? {
    var value: [UInt8] = []
    switch json {
    case .null: return nil
    case .bool(let bool): value.appendNumber(4, bool ? 1 : 0)
    case .number:
      guard let number = json.double else { return nil }
      value.appendVarint(2 << 3 | 1)
      value.appendFixed(number.bitPattern)
    case .string(let text): value.appendField(3, text)
    case .array, .object, .members: value.appendField(3, json.text())
    }
    return value
  }

  /// A value of a summary that is a text.
  private static func text(_ tag: String, _ text: String) -> [UInt8] {
    var tensor: [UInt8] = []
    tensor.appendField(1, TensorType.string)
    tensor.appendField(2, shape(1))
    tensor.appendField(8, text)
    return value(tag, tensor, plugin: "text", content: [])
  }

  /// A value of a summary that is all in its metadata.
  private static func hyperparameters(_ tag: String, _ kind: UInt64, _ session: [UInt8]) -> [UInt8] {
    var tensor: [UInt8] = []
    tensor.appendField(1, TensorType.float)
    tensor.appendField(2, shape(0))
    var content: [UInt8] = []
    content.appendField(kind, session)
    return value(tag, tensor, plugin: "hparams", content: content)
  }

  private static func value(_ tag: String, _ tensor: [UInt8], plugin: String, content: [UInt8]) -> [UInt8] {
    var data: [UInt8] = []
    data.appendField(1, plugin)
    if !content.isEmpty { data.appendField(2, content) }
    var metadata: [UInt8] = []
    metadata.appendField(1, data)
    var value: [UInt8] = []
    value.appendField(1, tag)
    value.appendField(8, tensor)
    value.appendField(9, metadata)
    return value
  }

  /// A `TensorShapeProto` of one dimension.
  private static func shape(_ size: Int) -> [UInt8] {
    var dimension: [UInt8] = []
    dimension.appendField(1, size)
    var shape: [UInt8] = []
    shape.appendField(2, dimension)
    return shape
  }

  /// `tensorflow.DataType`
  private enum TensorType {
    static let float = 1
    static let string = 7
  }
}
