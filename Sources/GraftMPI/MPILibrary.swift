import Foundation
import GraftKit
import GraftTensors

/// The functions of MPI that Graft calls, found in the shared library at run time.
///
/// Open MPI's handles are addresses, MPICH's are numbers of 32 bits. Both are passed in a register of 64, of which MPICH reads
/// the lower half; a request is written to memory of 64 bits that was zero.
///
/// https://www.mpi-forum.org/docs/mpi-3.1/mpi31-report.pdf
struct MPILibrary: Sendable {
  typealias Handle = UInt
  private typealias Text = @convention(c) (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32
  private typealias OfGroup = @convention(c) (Handle, UnsafeMutablePointer<Int32>) -> Int32
  typealias Transfer =
    @convention(c) @Sendable (
      UnsafeMutableRawPointer, Int32, Handle, Int32, Int32, Handle, UnsafeMutablePointer<Handle>
    ) -> Int32
  typealias Test =
    @convention(c) @Sendable (UnsafeMutablePointer<Handle>, UnsafeMutablePointer<Int32>, UInt) -> Int32

  /// The file it was found under, and what it says of itself, in one line.
  let fileName: String
  let version: String
  var description: TransportLibrary { TransportLibrary(fileName: fileName, version: version) }
  let interface: MPILauncher.Interface
  let world: Handle
  let byte: Handle
  /// In place of a status that nobody reads.
  let noStatus: UInt
  let send: Transfer
  let receive: Transfer
  let test: Test
  private let returnErrors: Handle
  private let symbols: Symbols

  /// What the loader found.
  private struct Symbols: @unchecked Sendable {
    // A library that was loaded stays.
    let handle: UnsafeMutableRawPointer
    let fileName: String

    func address(_ name: String) throws(GraftError) -> UnsafeMutableRawPointer {
      guard let symbol = dlsym(handle, name) else {
        throw GraftError(
          .unsupported, "this MPI lacks a function", file: fileName, expected: name, found: "nothing",
          advice: "Use Open MPI 4 or MPICH 4, or one with their binary interface.")
      }
      return symbol
    }

    func function<Function>(_ name: String, _: Function.Type) throws(GraftError) -> Function {
      unsafeBitCast(try address(name), to: Function.self)
    }
  }

  /// Whose libraries have which names. That of MPICH is also the name of Open MPI before version 2.
  private static let fileNames: [(name: String, interfaces: [MPILauncher.Interface])] = [
    ("libmpi.so.40", [.openMPI]), ("libmpi.so.12", [.mpich, .openMPI]), ("libmpich.so.12", [.mpich]),
  ]

  /// Opens the first library there is.
  ///
  /// - Parameter interfaces: What may be opened, the likeliest first.
  /// - Throws: ``GraftError`` when there is none, or it lacks a function.
  init(_ interfaces: [MPILauncher.Interface] = [.openMPI, .mpich]) throws(GraftError) {
    let wanted = interfaces.flatMap { interface in
      Self.fileNames.filter { $0.interfaces.contains(interface) }.map { ($0.name, interface) }
    }
    for (name, interface) in wanted {
      // Its own plugins look for its symbols.
      guard let handle = dlopen(name, RTLD_NOW | RTLD_GLOBAL) else { continue }
      let found: MPILauncher.Interface = dlsym(handle, "ompi_mpi_comm_world") == nil ? .mpich : .openMPI
      guard found == interface else {
        dlclose(handle)
        continue
      }
      try self.init(Symbols(handle: handle, fileName: name), interface)
      return
    }
    let names = wanted.map(\.0).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    throw GraftError(
      .missing, "MPI's library is not installed", expected: names.joined(separator: " or "),
      found: dlerror().map { String(cString: $0) } ?? "nothing",
      advice: "Install the one that the launcher belongs to, such as the Debian package libopenmpi3.")
  }

  private init(_ symbols: Symbols, _ interface: MPILauncher.Interface) throws(GraftError) {
    (self.symbols, self.interface, fileName) = (symbols, interface, symbols.fileName)
    switch interface {
    case .openMPI:
      world = Handle(bitPattern: try symbols.address("ompi_mpi_comm_world"))
      byte = Handle(bitPattern: try symbols.address("ompi_mpi_byte"))
      returnErrors = Handle(bitPattern: try symbols.address("ompi_mpi_errors_return"))
      noStatus = 0
    case .mpich:
      // MPICH's mpi.h; the ABI that MPICH, Intel MPI and others agreed on in 2013.
      (world, byte, returnErrors, noStatus) = (0x4400_0000, 0x4c00_010d, 0x5400_0001, 1)
    }
    send = try symbols.function("MPI_Isend", Transfer.self)
    receive = try symbols.function("MPI_Irecv", Transfer.self)
    test = try symbols.function("MPI_Test", Test.self)
    let text = try symbols.function("MPI_Get_library_version", Text.self)
    version = String((Self.text(text) ?? fileName).prefix { $0 != "\n" && $0 != "," })
  }

  /// Takes part in MPI, from the thread that calls; it alone may call the others from now on.
  ///
  /// - Returns: This process's number, how many there are, and the name of its machine.
  func start() throws(GraftError) -> (rank: Int, size: Int, host: String) {
    typealias Start =
      @convention(c) (
        UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, Int32, UnsafeMutablePointer<Int32>
      ) -> Int32
    typealias Set = @convention(c) (Handle, Handle) -> Int32
    let funneled: Int32 = 1
    var (provided, rank, size) = (Int32(0), Int32(0), Int32(0))
    try check(symbols.function("MPI_Init_thread", Start.self)(nil, nil, funneled, &provided))
    // Errors come back to where something is known about them.
    try check(symbols.function("MPI_Comm_set_errhandler", Set.self)(world, returnErrors))
    try check(symbols.function("MPI_Comm_rank", OfGroup.self)(world, &rank))
    try check(symbols.function("MPI_Comm_size", OfGroup.self)(world, &size))
    guard provided >= funneled else {
      throw GraftError(
        .unsupported, "this MPI may not be called by a program with threads", file: fileName,
        advice: "Use one that was built with threads.")
    }
    let host = Self.text(try symbols.function("MPI_Get_processor_name", Text.self))
    return (Int(rank), Int(size), host ?? "")
  }

  func finish() throws(GraftError) {
    typealias Finish = @convention(c) () -> Int32
    try check(symbols.function("MPI_Finalize", Finish.self)())
  }

  func abort(_ code: Int32) throws(GraftError) {
    typealias Abort = @convention(c) (Handle, Int32) -> Int32
    try check(symbols.function("MPI_Abort", Abort.self)(world, code))
  }

  /// - Throws: ``GraftError`` with what the library says about an error.
  func check(_ code: Int32) throws(GraftError) {
    guard code != 0 else { return }
    typealias Message =
      @convention(c) (Int32, UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32
    let message = try symbols.function("MPI_Error_string", Message.self)
    throw GraftError(
      .system, "the processes lost each other", file: fileName,
      found: "'\(Self.text { message(code, $0, $1) } ?? "error \(code)")'",
      advice: "See whether all machines and the network between them work.")
  }

  /// What a function writes as text.
  private static func text(
    _ function: (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32
  ) -> String? {
    // Longer than any implementation's.
    var (buffer, count) = ([CChar](repeating: 0, count: 1 << 14), Int32(0))
    guard function(&buffer, &count) == 0 else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
