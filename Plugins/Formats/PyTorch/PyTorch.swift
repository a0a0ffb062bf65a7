import Foundation
import GraftTensors
import Zip

/// Files of `torch.save`: a pickle that says what the tensors are, and the storages that hold their elements.
///
/// Both forms are read, the zip archive that PyTorch writes since 1.6 and the stream before it; the archive
/// is written. Reading interprets the pickle and runs nothing of it: see ``Pickle``. Reference:
/// `torch/serialization.py`.
public struct PyTorchFormat: WeightFormat {
  public static let name = "pytorch"
  public static let fileDescription = "a PyTorch file"
  public static let fileNames = ["pytorch_model.bin", "model.pt", "model.pth"]
  public static let sharesTensors = true

  public init() {}

  /// Refuses the directory of a distributed checkpoint; there is no other file to name.
  public static func namedFile(in directory: URL) throws -> URL? {
    let isDistributed =
      FileManager.default.fileExists(atPath: directory.appending(path: ".metadata").path)
      && FileManager.default.fileExists(atPath: directory.appending(path: "__0_0.distcp").path)
    guard isDistributed else { return nil }
    throw DistributedCheckpoint.error.inFile(directory.path)
  }

  public func open(_ file: RandomAccessFile) throws -> Weights? {
    do {
      if file.url.pathExtension == DistributedCheckpoint.pathExtension { throw DistributedCheckpoint.error }
      if let archive = try ZipArchive.open(file, where: { $0.contains(where: TorchArchive.isTable) }) {
        return try TorchArchive.weights(in: archive)
      }
      let head = try file.head(512)
      if TorchStream.begins(head) { return try TorchStream.weights(in: file) }
      if TorchTar.begins(head) { throw TorchTar.error }
      return nil
    } catch let error as GraftError {
      throw error.inFile(file.url.path)
    }
  }

  public func write(_ weights: Weights, to url: URL) throws {
    do {
      try TorchArchive.write(weights, to: url)
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }

  public func write(_ weights: Weights, to url: URL, limit: Int?) throws {
    try ShardIndex.write(weights, to: url, limit: limit, format: self)
  }
}

/// What `torch.distributed.checkpoint` saves: files that each hold archives of some tensors one after another, and a
/// pickled list of them. It is told apart so that it can be named.
enum DistributedCheckpoint {
  static let pathExtension = "distcp"

  static let error = GraftError(
    .unsupported, "a distributed checkpoint of PyTorch, whose files are no weight files of their own",
    advice: "Make one file of it with dcp_to_torch_save of torch.distributed.checkpoint.format_utils.")
}

/// The archive of PyTorch before 0.1.10, of March 2017. It is told apart so that it can be named.
enum TorchTar {
  static func begins(_ head: [UInt8]) -> Bool {
    FileKind(head) == .tar
      && ["sys_info", "pickle", "storages", "tensors"].contains { head.starts(with: Array($0.utf8) + [0]) }
  }

  static let error = GraftError(
    .unsupported, "a file of PyTorch before 0.1.10, which only PyTorch itself reads",
    advice: "Load it with PyTorch and save it again.")
}
