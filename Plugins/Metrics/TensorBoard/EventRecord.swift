import Checksums
import Foundation
import GraftTensors
import Protobuf

/// One event of an event file: a TFRecord of length, checksum, message and checksum.
///
/// https://www.tensorflow.org/tutorials/load_data/tfrecord
/// https://github.com/tensorflow/tensorboard/blob/2.21.0/tensorboard/compat/proto/event.proto
struct EventRecord {
  let bytes: [UInt8]

  /// The event that a file begins with.
  init(version: String, time: Double) {
    var event = EventRecord.event(time: time, step: 0)
    event.appendField(3, Array(version.utf8))
    bytes = EventRecord.framed(event)
  }

  /// Scalars of a step.
  init(_ values: [String: Double], step: Int, time: Double) {
    var summary: [UInt8] = []
    for (tag, value) in values.sorted(by: { $0.key < $1.key }) {
      var entry: [UInt8] = []
      entry.appendField(1, Array(tag.utf8))
      entry.appendVarint(2 << 3 | 5)
      entry.appendFixed(Float(value).bitPattern)
      summary.appendField(1, entry)
    }
    self.init(summary: summary, step: step, time: time)
  }

  /// A summary of a step.
  init(summary: [UInt8], step: Int, time: Double) {
    var event = EventRecord.event(time: time, step: step)
    event.appendField(5, summary)
    bytes = EventRecord.framed(event)
  }

  private static func event(time: Double, step: Int) -> [UInt8] {
    var event: [UInt8] = []
    event.appendVarint(1 << 3 | 1)
    event.appendFixed(time.bitPattern)
    event.appendField(2, step)
    return event
  }

  private static func framed(_ message: [UInt8]) -> [UInt8] {
    var record: [UInt8] = []
    record.appendFixed(UInt64(message.count))
    record.appendFixed(CRC32C(record).masked)
    record += message
    record.appendFixed(CRC32C(message).masked)
    return record
  }

  // MARK: Reading

  /// Longer events are none that this plugin writes.
  private static let longest: UInt64 = 1 << 26

  /// Where a file's events up to a step end: before the first of a later step, or one that is damaged or cut off.
  static func end(of file: RandomAccessFile, after step: Int) throws -> Int {
    var end = 0
    while let (message, next) = try record(at: end, in: file), let found = try? self.step(of: message),
      found <= UInt64(step)
    {
      end = next
    }
    return end
  }

  /// The event that says what a run is, if a file has one: it comes second.
  ///
  /// - Returns: Where it stands, and when it was written. The place is empty where another event is the second.
  static func start(of file: RandomAccessFile) throws -> (place: Range<Int>, time: Double?) {
    guard let (_, first) = try record(at: 0, in: file) else { return (0..<0, nil) }
    guard let (message, end) = try record(at: first, in: file),
      try tags(of: message).contains(RunSummary.sessionStart)
    else { return (first..<first, nil) }
    return (first..<end, try time(of: message))
  }

  private static func record(at place: Int, in file: RandomAccessFile) throws -> (ArraySlice<UInt8>, Int)? {
    guard place + 16 <= file.size else { return nil }
    var head = try file.bytes(place..<(place + 12))[...]
    let lengthBytes = Array(head.prefix(8))
    let length = try head.readFixed(8)
    guard try head.readFixed(4) == CRC32C(lengthBytes).masked, length <= longest,
      Int(length) <= file.size - place - 16
    else { return nil }
    let start = place + 12
    let message = try file.bytes(start..<(start + Int(length)))
    var foot = try file.bytes((start + Int(length))..<(start + Int(length) + 4))[...]
    guard try foot.readFixed(4) == CRC32C(message).masked else { return nil }
    return (message[...], start + Int(length) + 4)
  }

  /// The names of what an event's summary has.
  private static func tags(of message: ArraySlice<UInt8>) throws -> [String] {
    var (event, tags) = (ProtobufReader(message), [String]())
    while let (field, value) = try event.next() {
      guard field == 5, case .bytes(let summary) = value else { continue }
      var values = ProtobufReader(summary)
      while let (field, value) = try values.next() {
        guard field == 1, case .bytes(let entry) = value else { continue }
        var members = ProtobufReader(entry)
        while let (field, value) = try members.next() {
          if field == 1, case .bytes(let tag) = value { tags.append(String(decoding: tag, as: UTF8.self)) }
        }
      }
    }
    return tags
  }

  /// When an event was written, in seconds since 1970.
  private static func time(of message: ArraySlice<UInt8>) throws -> Double? {
    var reader = ProtobufReader(message)
    while let (field, value) = try reader.next() {
      if field == 1, case .number(let bits) = value { return Double(bitPattern: bits) }
    }
    return nil
  }

  /// The step of an event; 0 where it has none.
  private static func step(of message: ArraySlice<UInt8>) throws -> UInt64 {
    var reader = ProtobufReader(message)
    while let (field, value) = try reader.next() {
      if field == 2, case .number(let step) = value { return step }
    }
    return 0
  }
}
