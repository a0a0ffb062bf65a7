import Foundation

/// What this program runs on.
struct Machine {
  let model: String
  /// The instruction sets that kernels choose by, as `/proc/cpuinfo` calls them.
  let features: [String]
  /// How many threads this process may run at once.
  let threads: Int
  /// In bytes.
  let memory: Int
  let availableMemory: Int?

  static var current: Machine {
    let facts = fields("/proc/cpuinfo")
    let flags = Set((facts["flags"] ?? facts["Features"] ?? "").split(separator: " ").map(String.init))
    let known = [
      "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni",
      "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimdhp", "asimddp", "bf16",
      "i8mm", "sve", "sve2",
    ]
    let available = fields("/proc/meminfo")["MemAvailable"]?.split(separator: " ").first.flatMap { Int($0) }
    return Machine(
      model: facts["model name"] ?? facts["CPU part"].map { "CPU part \($0)" } ?? "unknown",
      features: known.filter(flags.contains), threads: ProcessInfo.processInfo.activeProcessorCount,
      memory: Int(clamping: ProcessInfo.processInfo.physicalMemory),
      availableMemory: available.map { $0 * 1024 })
  }

  /// The CPUs that this process may run on, as Linux lists them: `0-3,8`.
  static var allowedCPUs: String? { fields("/proc/self/status")["Cpus_allowed_list"] }

  /// How many CPUs this process could run on if it were bound to none: those of its control group, or all.
  static var availableCPUs: Int {
    let group = fields("/proc/self/cgroup").first { $0.key == "0" }?.value.dropFirst() ?? ""
    let list = FileManager.default.contents(atPath: "/sys/fs/cgroup\(group)/cpuset.cpus.effective")
    let numbers = Placement.numbers(
      String(decoding: list ?? Data(), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    return numbers.isEmpty ? sysconf(Int32(_SC_NPROCESSORS_ONLN)) : numbers.count
  }

  /// The first value of each `name : value` line.
  private static func fields(_ path: String) -> [String: String] {
    // Files in /proc have no size, which reading them whole at once relies on.
    guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.readToEnd() else {
      return [:]
    }
    let pairs = String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
      line.firstIndex(of: ":").map { colon in
        (
          line[..<colon].trimmingCharacters(in: .whitespaces),
          line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        )
      }
    }
    return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }
}
