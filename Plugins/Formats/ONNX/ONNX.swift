import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// Registers the weight format `onnx`.
public enum ONNXPlugin: Plugin {
  public static func register(in registry: inout Registry) throws {
    try registry.add(ONNXFormat.self)
  }
}

/// ONNX: a graph of operations with the weights that it computes with.
///
/// Reading takes the weights, under the names of the parameters that they are: exporters leave many without
/// one, which ``ParameterNames`` finds by where the graph uses them. Writing stores the model as well, to be
/// run as it is: see ``Lowering``. https://onnx.ai/onnx/repo-docs/IR.html
public struct ONNXFormat: ModelFormat {
  public static let name = "onnx"
  public static let fileDescription = "an ONNX file"
  public static let fileNames = ["model.onnx"]
  public static let dialect = "transformers"
  public static let holdsGraph = true
  public static let holdsScales = true

  public init() {}

  /// There is no signature: the file is a message that begins with the version of the format, and has a graph
  /// after a few other fields.
  public func open(_ file: RandomAccessFile) throws -> ModelFile? {
    guard try file.head(1) == [8] else { return nil }
    do {
      return try ModelProto(file)?.model()
    } catch let error as GraftError {
      throw error.inFile(file.url.path)
    }
  }

  public func write(_ model: ModelFile, to url: URL, limit: Int?) throws {
    do {
      var model = model
      model.weights = model.weights.holdingMatrices
      let graph = try model.graph.map { try Lowering.result(of: $0, model.weights) } ?? Lowering.Result()
      model.weights = try model.weights.asFactors()
      try ModelWriter(model, graph, url, limit).write()
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }
}
