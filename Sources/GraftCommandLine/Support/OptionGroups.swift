import ArgumentParser
import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors

/// What every command takes.
struct OutputFlags: ParsableArguments {
  @Flag(help: "Print JSON: one document; of 'train' and 'run' one object a line.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print only errors on standard error.")
  var quiet = false

  var console: Console { Console(isQuiet: quiet || !GraftTool.group.leads) }
}

/// The checkpoint that a command works on.
struct CheckpointArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A checkpoint directory or weight file, or a published model's name.", valueName: "CKPT"))
  var checkpoint: ModelSource

  @OptionGroup var hub: HubFlags

  /// Where it is, after fetching it when it is a name.
  ///
  /// - Throws: `GraftError` when there is no such path and no such model.
  func locate(_ registry: Registry, _ console: Console) throws -> URL {
    try hub.locate(checkpoint, registry, console)
  }
}

/// How many threads compute.
struct ThreadsFlag: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Threads to use. (default: all cores this process may run on)", valueName: "N"))
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads must be between 1 and 1024.")
    }
  }
}

/// Where and how models run.
struct BackendFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Compute backend; 'graft plugins' lists them, 'auto' takes the fastest.", valueName: "NAME"),
    completion: .names { RegisteredNames.backends })
  var backend = "auto"

  @OptionGroup var parallelism: ThreadsFlag

  /// The backend; the console says why when it is slower than it might be.
  func make(_ registry: Registry, _ console: Console, precision: Precision = .float32) throws
    -> any ComputeBackend
  {
    try maker(registry, console)(precision)
  }

  /// What makes the backend of a precision. All ranks call this once, and what it returns as often as they like.
  func maker(
    _ registry: Registry, _ console: Console
  ) throws -> (Precision) throws -> any ComputeBackend {
    let threads = try parallelism.threads ?? Ranks.threads(of: GraftTool.group, console)
    return { try registry.makeBackend(backend, threads: threads, precision: $0, note: console.warn) }
  }
}

extension WeightPrecision: ExpressibleByArgument {}

/// What answers are computed in.
struct PrecisionFlag: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What the encoder's linear layers and, in bfloat16, its attention multiply in; heads and all else stay in float32.",
      valueName: "TYPE"))
  var precision = WeightPrecision.float32

  /// What answers for a model.
  ///
  /// - Throws: `GraftError` when the backend lacks the precision and that has to be an error; as ``BackendFlags/make``.
  func session(
    _ model: Model, on backend: any ComputeBackend, _ strictness: StrictFlag, _ console: Console
  ) throws -> InferenceSession {
    let session = InferenceSession(model, backend: backend, precision: precision, keepsWeights: false)
    guard session.precision != precision else { return session }
    let error = GraftError(
      .unsupported, "the backend does not multiply in \(precision.rawValue)", option: "precision",
      expected: precision.rawValue, found: session.precision.rawValue)
    if strictness.strict { throw error }
    console.warn(
      "the backend does not multiply in \(precision.rawValue); using \(session.precision.rawValue).")
    return session
  }
}

/// How many tokens of a text count.
struct LengthFlag: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Cut texts to this many tokens. (default: what the head was trained with, else the model's limit)",
      valueName: "N"))
  var maxLength: Int?

  func validate() throws {
    if let maxLength, maxLength < 3 {
      throw ValidationError("--max-length must be at least 3: two special tokens and one of the text.")
    }
  }
}

/// What becomes of long texts where a head labels them as a whole.
struct LongTextsFlag: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      What a classifier makes of texts that are too long: their start, their start and end, or windows whose logits are \
      averaged. (default: as the head was trained)
      """, valueName: "HOW"))
  var longTexts: LongTexts?
}

/// How much the windows of a long text share.
struct StrideFlag: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many tokens the windows of a long text share. (default: what the head was trained with, else a quarter of a window)",
      valueName: "N"))
  var stride: Int?

  func validate() throws {
    if let stride, stride < 0 { throw ValidationError("--stride must be at least 0.") }
  }
}

/// How many texts run together.
struct BatchFlag: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Texts that run together. (default: as many as make some 2,048 tokens; 32 where scores are evaluated)",
      valueName: "N"))
  var batchSize: Int?

  func validate() throws {
    if let batchSize, !(1...65536).contains(batchSize) {
      throw ValidationError("--batch-size must be between 1 and 65536.")
    }
  }
}

/// Whether a head may be used that knows nothing yet.
struct UntrainedFlag: ParsableArguments {
  @Flag(help: "Use the head even when its weights are random.")
  var allowUntrained = false

  /// - Parameter isUsed: Which of the active heads predict.
  /// - Throws: `GraftError` of kind `refused` when the checkpoint's head was never trained.
  func check(
    _ checkpoint: Checkpoint, _ console: Console, where isUsed: (any Task.Type) -> Bool = { _ in true }
  ) throws {
    do {
      try checkpoint.requireTrainedHead(where: isUsed)
    } catch let error as GraftError {
      guard allowUntrained else { throw error }
      console.warn(error.problem)
    }
  }
}

/// Whether a checkpoint has to be complete and fully understood.
struct StrictFlag: ParsableArguments {
  @Flag(
    help:
      "Fail when a parameter is missing or a tensor is unknown; when converting, also on values that are not finite."
  )
  var strict = false
}

extension CheckpointArgument {
  /// Opens the checkpoint and says what became of its tensors.
  ///
  /// - Throws: `GraftError` when it cannot be read, or is not complete and has to be.
  func open(_ registry: Registry, _ strictness: StrictFlag, _ console: Console) throws -> Checkpoint {
    try open(locate(registry, console), registry, strictness, console)
  }

  /// Opens what was located, and says what became of its tensors.
  ///
  /// - Throws: as ``open(_:_:_:)``.
  func open(_ url: URL, _ registry: Registry, _ strictness: StrictFlag, _ console: Console) throws
    -> Checkpoint
  {
    let opened = try registry.open(url)
    if strictness.strict { try opened.report.requireStrict() }
    console.report(opened.report, of: url)
    return opened.checkpoint
  }
}

/// How weights are written.
struct StorageFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Convert weights to float32, float16 or bfloat16; in GGUF also to q8_0.", valueName: "TYPE"))
  var dtype: StorageTypeName?

  @Option(
    help: ArgumentHelp(
      "Split the weights into files of at most this size (B, KB, MB, GB). (default: what is usual for the format)",
      valueName: "SIZE")
  )
  var maxShardSize: ByteCount?

  @Flag(help: "Carry unknown tensors along.")
  var keepExtra = false
}
