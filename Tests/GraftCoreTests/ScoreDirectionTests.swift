import GraftCore
import Testing

@Suite struct ScoreDirectionTests {
  @Test(arguments: [
    ("eval_loss", ScoreDirection.lower), ("loss", .lower), ("eval_test_loss", .lower), ("mse", .lower),
    ("eval_mae", .lower), ("pseudo_perplexity", .lower), ("calibration_error", .lower), ("accuracy", .higher),
    ("eval_f1_macro", .higher), ("mcc", .higher), ("r2", .higher), ("glossary_f1", .higher),
  ])
  func directions(_ score: String, _ direction: ScoreDirection) {
    #expect(ScoreDirection(of: score) == direction)
  }

  @Test func whatIsNoNumberIsNeverBetter() {
    #expect(!ScoreDirection.higher.isBetter(.nan, than: 0) && !ScoreDirection.lower.isBetter(.nan, than: 0))
    #expect(ScoreDirection.lower.isBetter(1, than: 2) && !ScoreDirection.lower.isBetter(2, than: 2))
  }
}
