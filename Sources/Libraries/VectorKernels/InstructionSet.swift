import CVectorKernels

/// A level of vector instructions.
public enum InstructionSet: String, Sendable, CaseIterable, Comparable {
  /// What every CPU of the architecture has.
  case baseline
  /// x86-64-v3: AVX2 and FMA.
  case avx2 = "AVX2"
  /// The AVX-512 of Skylake servers and later, and of Zen 4 and later: F, VL, BW, DQ and CD.
  case avx512 = "AVX-512"
  /// The same, and products of bfloat16: of Cooper Lake and later, and of Zen 4 and later.
  case avx512BF16 = "AVX-512 BF16"

  /// The one whose kernels are the fastest on this CPU. Intel's CPUs multiply floats faster than bfloat16 without AMX,
  /// which the kernels do not use.
  public static var best: InstructionSet { allCases.last { $0.level == graft_best_level() } ?? .baseline }

  /// Whether the CPU multiplies bfloat16 numbers faster than floats: by AMX, or by AVX512_BF16 where it is not Intel's.
  public static var gainsByBFloat16: Bool { graft_cpu_gains_by_bfloat16() }

  /// The level's name in C, for kernels of other modules.
  package var level: GraftLevel {
    switch self {
    case .baseline: GraftLevelBaseline
    case .avx2: GraftLevelAVX2
    case .avx512: GraftLevelAVX512
    case .avx512BF16: GraftLevelAVX512BF16
    }
  }

  public static func < (left: InstructionSet, right: InstructionSet) -> Bool {
    left.level.rawValue < right.level.rawValue
  }
}
