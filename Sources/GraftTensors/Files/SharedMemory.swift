import CLinux
import Foundation
import Glibc

/// Memory that several processes of one machine and user see. It has no name among the files, and is gone with the last of
/// them.
package final class SharedMemory: @unchecked Sendable {
  /// Zeros at first. Who may write what and when is agreed by those who share it.
  package let bytes: UnsafeMutableRawBufferPointer
  /// Where others find it as long as the first has it.
  package let place: Place

  package struct Place: Codable, Sendable, Equatable {
    /// A link of the first process, such as `/proc/42/fd/7`.
    let path: String
    /// What the link reads; other memory has another one.
    let target: String
    let byteCount: Int
  }

  /// The descriptor that others open, of the first alone.
  private let descriptor: Int32?
  private let reserved: UnsafeMutableRawBufferPointer

  /// Makes such memory.
  ///
  /// - Parameter byteCount: How much, of which large memory is rounded up.
  /// - Returns: `nil` where the system has none to give.
  package init?(byteCount: Int) {
    let page = Self.hugePage
    let byteCount = byteCount < page ? byteCount : (byteCount + page - 1) / page * page
    let descriptor = memfd_create("graft-\(UUID().uuidString)", MFD_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    let path = "/proc/\(getpid())/fd/\(descriptor)"
    // All of it at once, so that a machine that has not so much says so now.
    guard fallocate(descriptor, 0, 0, byteCount) == 0, let target = Self.target(of: path),
      let reserved = Self.map(descriptor, byteCount)
    else {
      close(descriptor)
      return nil
    }
    (self.descriptor, self.reserved) = (descriptor, reserved)
    place = Place(path: path, target: target, byteCount: byteCount)
    bytes = Self.aligned(reserved, byteCount)
    // In huge pages, with which reading through large matrices does not wait for addresses to be translated. A request:
    // small pages serve as well.
    madvise(bytes.baseAddress, byteCount, madviseCollapse)
  }

  /// Memory that another process has made, or this one.
  ///
  /// - Returns: `nil` where it is not to be had: on another machine, in another container, as another user.
  package init?(_ place: Place) {
    // Whatever else stands under that path is not opened.
    guard Self.target(of: place.path) == place.target else { return nil }
    let opened = open(place.path, O_RDWR | O_CLOEXEC | O_NONBLOCK)
    guard opened >= 0 else { return nil }
    defer { close(opened) }
    var status = stat()
    guard fstat(opened, &status) == 0, Int(status.st_size) == place.byteCount,
      let reserved = Self.map(opened, place.byteCount)
    else { return nil }
    (descriptor, self.reserved, self.place) = (nil, reserved, place)
    bytes = Self.aligned(reserved, place.byteCount)
  }

  deinit {
    munmap(reserved.baseAddress, reserved.count)
    if let descriptor { close(descriptor) }
  }

  private static func target(of path: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: path)
  }

  // MARK: Addresses

  private static let hugePage = 2 << 20

  /// Addresses for the memory, where huge pages fit; the memory is in them at ``aligned(_:_:)``.
  private static func map(_ descriptor: Int32, _ byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    let count = byteCount + hugePage
    let start = mmap(nil, count, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let start, start != MAP_FAILED else { return nil }
    let reserved = UnsafeMutableRawBufferPointer(start: start, count: count)
    let memory = aligned(reserved, byteCount)
    guard
      mmap(memory.baseAddress, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0)
        != MAP_FAILED
    else {
      munmap(start, count)
      return nil
    }
    return reserved
  }

  private static func aligned(
    _ reserved: UnsafeMutableRawBufferPointer, _ byteCount: Int
  ) -> UnsafeMutableRawBufferPointer {
    let address = Int(bitPattern: reserved.baseAddress)
    let start = (address + hugePage - 1) / hugePage * hugePage - address
    return UnsafeMutableRawBufferPointer(rebasing: reserved[start..<start + byteCount])
  }
}
