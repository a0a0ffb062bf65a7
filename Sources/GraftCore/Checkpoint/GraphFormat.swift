import Foundation
import GraftCompute
import GraftTensors

/// A weight format whose files hold what the model computes as well, for runtimes that know no architecture.
///
/// The weights alone, such as a parked head's, are written by ``WeightFormat/write(_:to:)``.
public protocol GraphFormat: WeightFormat {
  /// Writes a model, streaming each tensor once.
  ///
  /// - Parameters:
  ///   - weights: Every parameter that the graph names, in the layout that its steps say; the attributes have
  ///     the texts of `config.json` and of the tokenizer's files, under their names.
  ///   - graph: What is computed.
  ///   - url: The file.
  ///   - limit: The most bytes of tensors in one file, unless a single tensor is larger; `nil` is what is usual
  ///     for the format. Where there are more, they stand in files beside it.
  /// - Throws: ``GraftError`` when the file cannot be written or the format cannot hold a tensor.
  func write(_ weights: Weights, computing graph: ModelGraph, to url: URL, limit: Int?) throws
}
