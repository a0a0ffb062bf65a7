import Foundation
import Testing

@testable import GraftTensors

/// Memory that several processes see; here it is seen twice by one.
@Suite struct SharedMemoryTests {
  @Test func whatOneWritesTheOtherReads() throws {
    let first = try #require(SharedMemory(byteCount: 5000))
    let second = try #require(SharedMemory(first.place))
    #expect(second.bytes.count == 5000 && second.bytes.allSatisfy { $0 == 0 })
    #expect(first.bytes.baseAddress != second.bytes.baseAddress)
    first.bytes[4999] = 7
    #expect(second.bytes[4999] == 7)
    second.bytes[0] = 9
    #expect(first.bytes[0] == 9)
  }

  /// It outlives the first, but nobody finds it any more.
  @Test func itIsThereAsLongAsSomebodyHasIt() throws {
    var first = SharedMemory(byteCount: 64)
    let place = try #require(first).place
    let second = try #require(SharedMemory(place))
    first?.bytes[3] = 5
    first = nil
    #expect(second.bytes[3] == 5)
    #expect(SharedMemory(place) == nil)
  }

  /// Another process may have something else under the same path.
  @Test func onlyTheMemoryMeantIsOpened() throws {
    let (first, other) = (
      try #require(SharedMemory(byteCount: 64)), try #require(SharedMemory(byteCount: 64))
    )
    let place = first.place
    #expect(other.place.target != place.target)
    let wrong = [
      SharedMemory.Place(path: other.place.path, target: place.target, byteCount: 64),
      SharedMemory.Place(path: place.path, target: place.target, byteCount: 65),
      SharedMemory.Place(path: "/proc/self/exe", target: place.target, byteCount: 64),
      SharedMemory.Place(path: "/nonexistent", target: place.target, byteCount: 64),
    ]
    for place in wrong { #expect(SharedMemory(place) == nil, "\(place)") }
  }
}
