import Foundation
import GraftTensors
import Synchronization

/// What happens in a run, for a display. GraftKit itself prints nothing.
public enum TrainingEvent: Sendable {
  /// The rows of a data set were looked through: how many are too long, which are left out.
  case prepared(DatasetFacts, isEvaluation: Bool)
  /// The run begins, or goes on after `completedSteps`.
  case started(TrainingPlan, completedSteps: Int)
  /// A step is done.
  case step(StepReport)
  /// An entry was added to the history: the mean loss since the last one, the step's gradient norm and
  /// learning rate.
  case logged([String: Double])
  /// An evaluation goes on: this many of all examples are done.
  case evaluating(done: Int, total: Int)
  /// An evaluation is over: `eval_loss`, `eval_accuracy`, ….
  case evaluated([String: Double])
  /// A checkpoint was written.
  case saved(URL)
  /// A checkpoint was removed, because there were more than wanted.
  case removed(URL)
  /// The run took a turn that its options ask for.
  case noted(TrainingNote)
  /// Something failed that the run goes on without.
  case warned(GraftError)
}

/// A turn in the course of a run.
public enum TrainingNote: Sendable, Equatable {
  /// Of the training data some rows are evaluated on and not trained; of some labels there is none among them.
  case split(training: Int, evaluation: Int, missingLabels: [String])
  /// Some of the rows that it is evaluated on have a text that it is trained on as well, so that their scores are too good.
  case repeatedRows(Int, of: Int, set: String?)
  /// So many texts are in several rows of the training data, or of that of one of several heads, with different labels.
  case contradictions(Int, head: String? = nil)
  /// The values that a regression, or one of several heads, learns are far from those that it begins with.
  case scale(ValueScale, head: String?)
  /// What the run, or one of several heads, decides by its rows, as nobody has said it: which loss, say.
  case decided(Advice, head: String?)
  /// One of several heads has none of the run's steps, so that it stays as it is.
  case headWithoutSteps(String)
  /// The learning rate rises for more steps than the run has, so that it comes to a part of the highest.
  case warmupBeyondEnd(steps: Int, of: Int, rate: Double)
  /// The head alone is trained: the first layer would be, after more steps than the run has.
  case unfreezingBeyondEnd(steps: Int, of: Int)
  /// The mean loss of the run is far above that of its first step.
  case diverged(first: Double, mean: Double)
  /// It goes on for longer than it was begun for. The learning rate had come to one value, and goes on with another.
  case extended(from: Int, to: Int, lastRate: Double, nextRate: Double)
  /// It goes on with metrics writers that it was begun without: their logs begin where it goes on.
  case addedWriters([String])
  /// It ends before its last step, because this many evaluations in a row brought no progress. `best` is the step of the
  /// best one, where the model does not become that of it.
  case stoppedEarly(step: Int, evaluations: Int, best: Int? = nil)
  /// It ends with the mean of the weights of some steps.
  case averaged(steps: [Int])
  /// Thresholds were chosen on the evaluation data, where they change a score, such as micro F1, from one value to another.
  case tunedThresholds([Float], score: String, before: Double, after: Double)
  /// The evaluation data do not say which threshold is best, so that the model keeps the one that it has.
  case thresholdUndecided
  /// The head decides with thresholds that were chosen before this training, and keeps them; its scores follow them.
  case keptThresholds([Double])
  /// It ends with the weights of the step that was the best by a score such as `eval_loss`.
  case loadedBest(step: Int, score: String, value: Double)
}

/// One step of a run.
public struct StepReport: Sendable, Equatable {
  /// Counted from 1.
  public let step: Int
  public let totalSteps: Int
  public let epoch: Double
  public let loss: Double
  public let learningRate: Double
  /// Before clipping.
  public let gradientNorm: Double
  /// How many tokens the step was computed on.
  public let tokens: Int
  /// Averages since this process took up the run, evaluations and saving left out.
  public let tokensPerSecond: Double
  /// Rows; one that is read in windows counts once.
  public let samplesPerSecond: Double
  /// How long the remaining steps will take, in seconds.
  public let remaining: Double
  /// Which of several heads was trained; `nil` in a run with one.
  public let head: String?
}

/// A way to ask a run to stop, from a signal handler or from another thread.
public final class TrainingControl: Sendable {
  private let flag = Atomic(false)

  /// A run that goes on.
  public init() {}

  /// The run saves a checkpoint at the end of its current step and returns.
  public func requestStop() { flag.store(true, ordering: .relaxed) }

  package var isStopRequested: Bool { flag.load(ordering: .relaxed) }
}

/// How a run ended.
public enum TrainingOutcome: Sendable, Equatable {
  /// The model is in the output directory.
  case finished(TrainingSummary)
  /// It was asked to stop; it goes on from this checkpoint when it is resumed.
  case interrupted(checkpoint: URL, step: Int)
  /// There was nothing to resume: the run had finished before.
  case alreadyFinished(TrainingSummary)
}

/// The results of a run.
public struct TrainingSummary: Sendable, Equatable, Codable {
  /// `train_loss`, `train_runtime` (seconds, of this process alone), `train_samples_per_second`,
  /// `train_steps_per_second`, `epoch`; `train_samples`, the rows, and where some are read in several windows
  /// `train_windows`.
  public let training: [String: Double]
  /// The last evaluation, when there is evaluation data.
  public let evaluation: [String: Double]?
}
