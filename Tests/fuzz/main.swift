import CLibFuzzer
import Foundation
import FuzzTargets
import GraftCompute

// fuzz TARGET [argument…]: libFuzzer on a target, with its arguments. Without libFuzzer, inputs that are the same each
// time, for as many seconds as the argument says, or the files that the arguments name.

/// What the program was called with.
enum Call {
  static let arguments = Array(CommandLine.arguments.dropFirst())
  static let target = FuzzTarget.all.first { $0.name == arguments.first }

  /// Ends the program at once where there is a fault, so that libFuzzer keeps the input.
  static func read(_ bytes: [UInt8]) {
    do {
      _ = try target?.read(bytes)
    } catch {
      fatalError("\(error)")
    }
  }
}

@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int, _ seed: UInt32) -> Int {
  var generator = RandomKey(seed: UInt64(seed)).generator
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  let changed = Structure.changed(input, &generator) { part in
    var buffer = part + [UInt8](repeating: 0, count: max(0, most - part.count))
    let count = buffer.withUnsafeMutableBufferPointer {
      $0.baseAddress.map { graft_fuzzer_mutate($0, part.count, max(part.count, most)) } ?? 0
    }
    return Array(buffer[..<count])
  }.prefix(most)
  UnsafeMutableBufferPointer(start: bytes, count: most).baseAddress?.update(
    from: Array(changed), count: changed.count)
  return changed.count
}

guard let target = Call.target else {
  print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
  exit(Call.arguments.first.map { $0 == "--list" } == false ? 2 : 0)
}
if graft_fuzzer_is_linked() != 0 {
  var pointers = ([CommandLine.arguments[0]] + Call.arguments.dropFirst()).map { strdup($0) }
  let status = pointers.withUnsafeMutableBufferPointer { pointers in
    graft_fuzzer_run(Int32(pointers.count), pointers.baseAddress) { bytes, count in
      Call.read(Array(UnsafeBufferPointer(start: bytes, count: count)))
      return 0
    }
  }
  exit(status)
}
if let seconds = Call.arguments.dropFirst().first.flatMap(Double.init) {
  let run = try DeterministicRun(target, seconds: seconds)
  print("\(target): \(run.inputs) inputs, \(run.read) read, \(run.refused) refused")
} else {
  for path in Call.arguments.dropFirst() { Call.read(Array(try Data(contentsOf: URL(filePath: path)))) }
}
