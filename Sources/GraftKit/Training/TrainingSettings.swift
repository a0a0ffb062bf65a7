import GraftCore
import GraftTensors
import OrderedCollections

extension LearningRateSchedule: OptionValue {}
extension TrainingOptions.Interval: OptionValue {}
extension LongTexts: OptionValue {}
extension MultiLabelScores.Tuning: OptionValue {}
extension VectorSimilarity: OptionValue {}
extension SentencePooling.Mode: OptionValue {}

extension TrainingOptions {
  /// Every setting that a person may give, in the order of the records. The command line's flags, the keys of
  /// experiments, the checks and the record beside each checkpoint are made from it.
  package static let settings: [TrainingSetting] = [
    TrainingSetting(
      "epochs", \.epochs, .positive, placeholder: "N",
      help: "How often the data is gone through; may be a fraction."),
    TrainingSetting("batch-size", \.batchSize, .positive, placeholder: "N", help: "Examples in a batch."),
    TrainingSetting(
      "gradient-accumulation-steps", \.gradientAccumulationSteps, .positive, placeholder: "N",
      help: "Batches in a step."),
    TrainingSetting(
      optional: "head-weights", \.weightsOfHeads, placeholder: "HEAD=X",
      help:
        "How steps are shared among several heads, as in HEAD=2,OTHER=1; losses are not weighed.",
      fallback: "as many steps as its data has", addedLater: true),
    TrainingSetting(
      optional: "max-steps", \.maxSteps, .positive, placeholder: "N",
      help: "End after this many steps, whatever \(option: "epochs") says."),
    TrainingSetting(
      "learning-rate", \.learningRate, .notNegative, placeholder: "X", help: "The highest learning rate."),
    TrainingSetting(
      optional: "head-learning-rate", \.headLearningRate, .notNegative, placeholder: "X",
      help: "The highest learning rate of the head, and of the pooler beneath it.",
      fallback: "\(option: "learning-rate")", addedLater: true),
    TrainingSetting(
      "layer-decay", \.layerDecay, .share, placeholder: "X",
      help:
        "What the learning rate of each layer is, compared with the layer above it; the embeddings' is the lowest.",
      addedLater: true),
    TrainingSetting(
      optional: "unfreeze-every-n-steps", \.unfreezeEverySteps, .positive, placeholder: "N",
      help: "Train the head alone at first, and after every N steps one layer more, from the top.",
      fallback: "all from the beginning", addedLater: true),
    TrainingSetting(
      optional: "ema-decay", \.emaDecay, .betweenZeroAndOne, placeholder: "X",
      help:
        "Evaluate and write a moving average of the weights, of which every step keeps this share, such as 0.999.",
      fallback: "the weights themselves", addedLater: true),
    TrainingSetting(
      optional: "average-last", \.averageLast, .atLeast(2, "2 or more"), placeholder: "K",
      help: "End with the mean of the weights of the last K checkpoints.",
      fallback: "the weights of the end", addedLater: true),
    TrainingSetting("lr-scheduler", \.schedule, placeholder: "CURVE", help: "How the learning rate goes on."),
    TrainingSetting(
      "lr-scheduler-kwargs", \.scheduleShape, placeholder: "NAME=X",
      help:
        "What shapes the curve: num_cycles of cosine and cosine_with_restarts, power and lr_end of polynomial, timescale of inverse_sqrt.",
      fallback: "as in transformers", addedLater: true),
    TrainingSetting(
      "warmup-steps", \.warmupSteps, .atLeast(0, "0 or more"), placeholder: "N",
      help: "Steps in which the learning rate rises from 0."),
    TrainingSetting(
      "warmup-ratio", \.warmupRatio, .ratio, placeholder: "P",
      help: "The share of all steps in which it rises, unless \(option: "warmup-steps") is above 0.",
      addedLater: true),
    TrainingSetting(
      "weight-decay", \.weightDecay, .notNegative, placeholder: "X",
      help: "Decoupled weight decay; biases and LayerNorm are exempt."),
    TrainingSetting(
      "label-smoothing-factor", \.labelSmoothingFactor, .belowOne, placeholder: "P",
      help: "The share of each target that goes to all labels evenly, for heads of single labels.",
      addedLater: true),
    TrainingSetting(
      optional: "class-weights", \.classWeights, placeholder: "WEIGHTS",
      help:
        "What each label counts for in the loss: 'balanced' (the less the more rows it has), or numbers by label, as in A=1,B=2.5.",
      fallback: "1 for each", addedLater: true),
    TrainingSetting(
      "focal-gamma", \.focalGamma, .notNegative, placeholder: "X",
      help:
        "The exponent of the focal loss, in which what is learnt already counts less; 0 is cross-entropy.",
      addedLater: true),
    TrainingSetting(
      "max-grad-norm", \.maxGradNorm, .notNegative, placeholder: "X",
      help: "Clip the gradients' norm to this; 0 does not clip."),
    TrainingSetting(
      "max-length", \.maxLength, .atLeast(3, "at least 3, for [CLS], a token and [SEP]"), placeholder: "N",
      help: "Cut texts to this many tokens; the model's own limit holds too.", fallback: "512"),
    TrainingSetting(
      optional: "stride", \.stride, .atLeast(0, "0 or more"), placeholder: "N",
      help: "How many tokens the windows of a long text share, for heads that read windows.",
      fallback: "a quarter of a window", addedLater: true),
    TrainingSetting(
      optional: "long-texts", \.longTexts, placeholder: "HOW",
      help: "What a classifier makes of texts that are too long: truncate, head-tail or windows.",
      fallback: "as the head was trained, else truncate", addedLater: true),
    TrainingSetting(
      "label-all-tokens", \.labelsAllTokens,
      help: "Learn from all tokens of a word, not from its first alone.", addedLater: true),
    TrainingSetting(
      optional: "tag-scheme", \.tagScheme, placeholder: "NAME",
      help:
        "The scheme of the data's tags, by which entities are scored strictly: IO, IOB1, IOB2, IOE1, IOE2, IOBES or BILOU.",
      fallback: "any, scored as conlleval does", addedLater: true),
    TrainingSetting(
      optional: "loss", \.loss, placeholder: "NAME",
      help:
        "How vectors for texts are learnt: multiple-negatives, cosent, cosine or triplet; how a head with one label is: binary-cross-entropy, which makes it a cross-encoder, or mse.",
      fallback:
        "cosent for pairs with scores, else multiple-negatives; for one label binary-cross-entropy of a cross-encoder, else mse",
      addedLater: true),
    TrainingSetting(
      "loss-scale", \.sentenceLoss.scale, .positive, placeholder: "X",
      help: "What similarities are multiplied by in the losses multiple-negatives and cosent.",
      addedLater: true),
    TrainingSetting(
      optional: "loss-similarity", \.sentenceLoss.similarity, placeholder: "NAME",
      help: "How that loss compares vectors: cosine, dot, euclidean or manhattan.",
      fallback: "euclidean for triplet, else cosine", addedLater: true),
    TrainingSetting(
      "triplet-margin", \.sentenceLoss.margin, .notNegative, placeholder: "X",
      help: "By how much the negative of a triplet has to be farther than its positive.", addedLater: true),
    TrainingSetting(
      optional: "matryoshka", \.sentenceLoss.widths, placeholder: "WIDTHS",
      help:
        "Learn vectors whose first numbers are vectors as well: widths as in 256,128,64, with weights as in 256=1,64=0.5.",
      fallback: "whole vectors", addedLater: true),
    TrainingSetting(
      optional: "pooling", \.pooling, placeholder: "MODE",
      help:
        "How tokens become one vector, of a checkpoint that does not say: cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken.",
      fallback: "mean", addedLater: true),
    TrainingSetting(
      "mlm-probability", \.mlmProbability, .share, placeholder: "P",
      help: "The share of tokens that masked-language modelling hides."),
    TrainingSetting(
      optional: "generator", \.generator, placeholder: "DIR",
      help:
        "A checkpoint whose head predicts tokens: it fills hidden ones for a head that tells which were replaced.",
      fallback: "none", addedLater: true),
    TrainingSetting(
      "train-generator", \.trainsGenerator,
      help:
        "Train the generator along with the model, whose embeddings it shares, and write it to the folder 'generator' of the output.",
      addedLater: true),
    TrainingSetting(
      "discriminator-weight", \.discriminatorWeight, .positive, placeholder: "X",
      help: "The factor of the head's loss; that of a generator that is trained has 1.", addedLater: true),
    TrainingSetting(
      "group-texts", \.groupsTexts,
      help: """
        Put texts one after another and cut them into pieces of the full length, as transformers' run_mlm.py does; \
        what is left of every thousand texts is dropped.
        """, addedLater: true),
    TrainingSetting("seed", \.seed, placeholder: "S", help: "Seed of order, masks and dropout."),
    TrainingSetting(
      optional: "dropout", \.dropout, .belowOne, placeholder: "P", help: "Dropout everywhere.",
      fallback: "as config.json says"),
    TrainingSetting("no-shuffle", \.keepsOrder, help: "Go through the data in its own order."),
    TrainingSetting(
      "freeze-backbone", \.freezesBackbone, help: "Train the head, and the pooler that it reads, alone."),
    TrainingSetting(
      "save-strategy", \.saveStrategy, placeholder: "WHEN", help: "When checkpoints are written.",
      decidesResult: false),
    TrainingSetting(
      "save-steps", \.saveSteps, .positive, placeholder: "N", help: "Steps from one checkpoint to the next.",
      decidesResult: false),
    TrainingSetting(
      optional: "save-total-limit", \.saveTotalLimit, .positive, placeholder: "N",
      help: "Keep this many checkpoints; the newest and the best stay in any case.", fallback: "all",
      decidesResult: false),
    TrainingSetting(
      "eval-strategy", \.evalStrategy, placeholder: "WHEN", help: "When the model is evaluated.",
      fallback: "epoch with \(option: "eval-data") or \(option: "eval-split"), else no"),
    TrainingSetting(
      optional: "eval-split", \.evalSplit, .betweenZeroAndOne, placeholder: "P",
      help:
        "Hold out this share of the training rows to evaluate on, the same share of each label; \(option: "seed") says which.",
      fallback: "none", addedLater: true),
    TrainingSetting("eval-on-start", \.evalOnStart, help: "Evaluate before the first step as well."),
    TrainingSetting(
      optional: "eval-steps", \.evalSteps, .positive, placeholder: "N",
      help: "Steps from one evaluation to the next.", fallback: "\(option: "logging-steps")"),
    TrainingSetting(
      "eval-batch-size", \.evalBatchSize, .positive, placeholder: "N",
      help: "Examples in a batch when evaluating."),
    TrainingSetting(
      optional: "top-k", \.rankList, placeholder: "K,K",
      help: "Report the share of texts whose label is among the K most likely, for a head of single labels.",
      fallback: "3,5 where there are more labels", addedLater: true),
    TrainingSetting(
      optional: "tune-threshold", \.thresholdTuning, placeholder: "HOW",
      help:
        "In the end choose the threshold with the best F1 on the evaluation data, and keep it with the model: of several labels one for all (global) or one for each (label), of answers that of no answer (global). The scores are those before.",
      fallback: "a half stays, and an answer always given", addedLater: true),
    TrainingSetting(
      "load-best-model-at-end", \.loadsBestModelAtEnd,
      help: "End with the weights of the best evaluation; its checkpoint is written for that.",
      addedLater: true),
    TrainingSetting(
      optional: "metric-for-best-model", \.metricForBestModel, placeholder: "SCORE",
      help: "The score that says which evaluation is the best, with or without 'eval_'.",
      fallback:
        "accuracy; F1 of entities, answers and several labels; R² of numbers; nDCG@10 or Spearman's correlation of pairs; else the loss",
      addedLater: true),
    TrainingSetting(
      optional: "greater-is-better", \.greaterIsBetter, placeholder: "true|false",
      help: "Whether more of it is better.", fallback: "false for losses and errors, else true",
      addedLater: true),
    TrainingSetting(
      optional: "early-stopping-patience", \.earlyStoppingPatience, .positive, placeholder: "N",
      help: "Stop after this many evaluations in a row in which the score gets no better.",
      fallback: "never", addedLater: true),
    TrainingSetting(
      "early-stopping-threshold", \.earlyStoppingThreshold, .notNegative, placeholder: "X",
      help: "What it has to get better by.", addedLater: true),
    TrainingSetting(
      "logging-steps", \.loggingSteps, .positive, placeholder: "N",
      help: "Steps from one line of the log to the next."),
    TrainingSetting(
      "optimizer", \.optimizer, placeholder: "NAME",
      help: "The update rule; \(action: .listPlugins) lists them."),
    TrainingSetting(
      "report-to", \.reportTo, placeholder: "NAME",
      help:
        "What plots the run, from files in its folder 'runs'; \(action: .listPlugins) lists them, 'none' is nothing.",
      decidesResult: false),
  ]

  private var weightsOfHeads: HeadWeights? {
    get { headWeights.map { HeadWeights($0) } }
    set { headWeights = newValue?.values }
  }

  private var rankList: RankList? {
    get { topRanks.map { RankList($0) } }
    set { topRanks = newValue?.values }
  }

  private var loss: LossName? {
    get { sentenceLoss.loss.map(LossName.vectors) ?? pairLoss.map(LossName.pairs) }
    set {
      (sentenceLoss.loss, pairLoss) = (nil, nil)
      switch newValue {
      case .vectors(let loss): sentenceLoss.loss = loss
      case .pairs(let loss): pairLoss = loss
      case nil: break
      }
    }
  }

  /// Whether every epoch goes through the data in its own order.
  private var keepsOrder: Bool {
    get { !shuffles }
    set { shuffles = !newValue }
  }

  /// - Throws: `GraftError` naming the option whose value makes no sense.
  public func validate() throws {
    if let problem = problems.first { throw problem }
  }

  /// An error for each value that makes no sense, naming its option.
  package var problems: [GraftError] { Self.settings.compactMap { $0.problem(self) } + conflicts }

  /// What decides the result of a run, by the names of the settings. How often it saves does not.
  package var record: OrderedDictionary<String, JSON> {
    OrderedDictionary(
      uniqueKeysWithValues: Self.settings.filter(\.decidesResult).map { ($0.name, $0.json(self)) })
  }

  /// What decides the result of an experiment's stage: the ``record`` without what earlier versions did not know, where
  /// that is at its default.
  package var stageRecord: OrderedDictionary<String, JSON> {
    let defaults = TrainingOptions()
    return OrderedDictionary(
      uniqueKeysWithValues: Self.settings.filter {
        $0.decidesResult && !($0.addedLater && $0.json(self) == $0.json(defaults))
      }.map { ($0.name, $0.json(self)) })
  }
}
