import GraftKit
import GraftTensors

/// Ranks that MPI started, and the MPI that is installed.
public enum MPI {
  /// The group of a process that MPI started with others. Its library is opened now.
  ///
  /// - Parameters:
  ///   - launcher: What started it.
  ///   - timeLimit: How long other ranks are waited for, in seconds.
  /// - Throws: `GraftError` when there is no library, or it is another one than the launcher's.
  public static func group(_ launcher: MPILauncher, timeLimit: Int) throws -> ConnectedGroup {
    try ConnectedGroup { try MPITransport(launcher, timeLimit: timeLimit) }
  }

  /// The name and the version of the MPI that is installed.
  ///
  /// - Throws: `GraftError` when there is none.
  public static func installed() throws(GraftError) -> TransportLibrary {
    try MPILibrary().description
  }
}
