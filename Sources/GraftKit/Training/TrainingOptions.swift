import GraftCore

/// The settings of a training run.
///
/// The defaults are those of transformers' `Trainer`, except that the loss is logged every 50 steps (500
/// there) and that evaluation takes 32 examples at a time (8 there), which changes no classifier's score.
public struct TrainingOptions: Sendable, Equatable {
  /// How often the data is gone through; may be a fraction.
  public var epochs = 3.0
  /// How many examples make one batch. Batches are not padded.
  public var batchSize = 8
  /// Which share of the steps each of several heads has, up to a factor, by the names of heads; a head that is not named
  /// counts 1. `nil` goes through every head's data once in an epoch.
  public var headWeights: [String: Double]?
  /// How many batches make one step. Each counts by the number of its predictions, so that `n` batches of
  /// size `b` give the gradient of one batch of `n · b`.
  public var gradientAccumulationSteps = 1
  /// Ends the run after this many steps, whatever `epochs` says.
  public var maxSteps: Int?
  /// The highest learning rate.
  public var learningRate = 5e-5
  public var schedule = LearningRateSchedule.linear
  /// The highest learning rate of the heads, and of the pooler beneath them; `nil` is `learningRate`.
  public var headLearningRate: Double?
  /// What the learning rate of each layer is, compared with the one above it.
  public var layerDecay = 1.0
  /// Trains the head alone at first, and after each so many steps one layer more, from the top; `nil` is all from the
  /// beginning.
  public var unfreezeEverySteps: Int?
  /// Evaluates and writes the exponential moving average of the weights, of which each step keeps this share; `nil` is the
  /// weights themselves.
  public var emaDecay: Double?
  /// Ends with the mean of the weights of so many checkpoints, the last ones; `nil` is those of the end.
  public var averageLast: Int?
  /// What shapes the schedule, where it has a shape.
  public var scheduleShape = ScheduleShape()
  /// How many steps the learning rate rises from 0; 0 is as `warmupRatio` says.
  public var warmupSteps = 0
  /// The share of all steps in which the learning rate rises from 0, unless there are `warmupSteps`.
  public var warmupRatio = 0.0
  /// Decoupled decay; biases and LayerNorm are exempt.
  public var weightDecay = 0.0
  /// The share of each target that goes to all classes evenly, for heads of single labels.
  public var labelSmoothingFactor = 0.0
  /// What each class counts for in the loss, for heads of single labels; `nil` is the same for each.
  public var classWeights: ClassWeights?
  /// The exponent of the focal loss, for heads of single labels; 0 is cross-entropy.
  public var focalGamma = 0.0
  /// Gradients are scaled so that their common norm is at most this; 0 does not clip.
  public var maxGradNorm = 1.0
  /// The most tokens of an example; longer ones are cut.
  public var maxLength: Int {
    get { givenMaxLength ?? 512 }
    set { givenMaxLength = newValue }
  }
  /// The same where somebody said it, who is then told when it is more than the model takes.
  public private(set) var givenMaxLength: Int?
  /// How many tokens the windows of a long text share, where a task reads long texts in windows; `nil` is a quarter of
  /// a window.
  public var stride: Int?
  /// What becomes of texts that are longer than ``maxLength``, for a head that labels texts as a whole; `nil` is as the
  /// head was trained before, or cut off.
  public var longTexts: LongTexts?
  /// Whether a head that labels words learns from all their tokens, and not from the first alone.
  public var labelsAllTokens = false
  /// The scheme of the data's tags, by which entities are then scored strictly.
  public var tagScheme: String?
  /// How vectors for texts are learnt.
  public var sentenceLoss = SentenceLossOptions()
  /// How a head with one label is learnt; `nil` is cross-entropy for a cross-encoder whose configuration does not say that
  /// its scores are numbers, else squared error.
  public var pairLoss: PairLoss?
  /// How tokens become one vector, of a checkpoint whose folder does not say; `nil` is the mean.
  public var pooling: SentencePooling.Mode?
  /// The share of tokens that masked-language modelling hides.
  public var mlmProbability = 0.15
  /// The directory of a checkpoint whose head fills hidden tokens, for a head that tells replaced ones.
  public var generator: String?
  /// Whether the generator learns beside the model, with whose embeddings it then reads.
  public var trainsGenerator = false
  /// The factor of the head's loss where the generator learns, whose own loss has 1. Google's code has 50.
  public var discriminatorWeight = 50.0
  /// Whether texts are put one after another and cut into pieces of ``maxLength`` tokens, for heads that learn from the
  /// text alone.
  public var groupsTexts = false
  public var seed: UInt64 = 42
  /// Overrides every dropout probability of the configuration while training.
  public var dropout: Double?
  /// Whether each epoch goes through the data in an order of its own.
  public var shuffles = true
  /// Trains the head alone.
  public var freezesBackbone = false
  /// When checkpoints are written. With steps, one is written at the end as well.
  public var saveStrategy = Interval.steps
  public var saveSteps = 500
  /// How many checkpoints are kept. The newest and the best are never removed, even when the limit is 1.
  public var saveTotalLimit: Int?
  /// Steps whose checkpoints stay whatever the limit.
  public var keptSteps: Set<Int> = []
  /// When the model is evaluated.
  public var evalStrategy = Interval.no
  /// The share of the training data's rows that is held out to evaluate on.
  public var evalSplit: Double?
  /// Whether it is evaluated before the first step as well.
  public var evalOnStart = false
  /// `nil` is every `loggingSteps`.
  public var evalSteps: Int?
  public var evalBatchSize = 32
  /// The k of top-k accuracies; `nil` is 3 and 5 where there are more labels.
  public var topRanks: [Int]?
  /// Chooses the thresholds of several labels on the evaluation data in the end, and keeps them with the model.
  public var thresholdTuning: MultiLabelScores.Tuning?
  /// Whether the run ends with the weights of its best evaluation. Checkpoints of evaluations that are better than all
  /// before are written for it.
  public var loadsBestModelAtEnd = false
  /// The score that says which evaluation is the best, with or without `eval_`; `nil` is the one that experiments
  /// compare such heads by, such as accuracy or the F1 of entities, or else the loss.
  public var metricForBestModel: String?
  /// Whether more of it is better; `nil` is as ``ScoreDirection`` has it.
  public var greaterIsBetter: Bool?
  /// Ends the run after this many evaluations in a row without progress.
  public var earlyStoppingPatience: Int?
  /// What a score has to get better by for it to be progress.
  public var earlyStoppingThreshold = 0.0
  /// How often the loss is written to the history: the mean since the last time.
  public var loggingSteps = 50
  /// The name of a registered optimizer.
  public var optimizer = DefaultPlugins.optimizer
  /// The names of registered metrics writers, which plot the run.
  public var reportTo = DefaultPlugins.metricsWriters

  /// When something happens in a run.
  public enum Interval: String, Sendable, CaseIterable {
    case no, steps, epoch
  }

  /// The defaults.
  public init() {}

  /// How many steps the learning rate rises, of a run of so many.
  package func warmupSteps(of totalSteps: Int) -> Int {
    warmupSteps > 0 ? warmupSteps : Int((Double(totalSteps) * warmupRatio).rounded(.up))
  }

  /// The learning rate of a step, counted from 0.
  package func learningRate(at step: Int, of totalSteps: Int) -> Double {
    learningRate
      * schedule.factor(
        step: step, warmupSteps: warmupSteps(of: totalSteps), totalSteps: totalSteps, shape: scheduleShape,
        learningRate: learningRate)
  }

  /// Whether something with this interval happens at the end of a step, counted from 1.
  package func isDue(_ interval: Interval, every steps: Int, at step: Int, _ plan: TrainingPlan) -> Bool {
    switch interval {
    case .no: false
    case .steps: step % steps == 0
    case .epoch: step % plan.stepsPerEpoch == 0 || step == plan.totalSteps
    }
  }
}
