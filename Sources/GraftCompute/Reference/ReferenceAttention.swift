import Foundation

extension Kernels {
  public func attend(_ head: AttentionHead) {
    for row in 0..<head.length {
      let seen = head.window.map { max(0, row - $0)..<min(head.length, row + $0 + 1) } ?? 0..<head.length
      let query = head.query + row * head.stride
      let scores = seen.map { column in
        let key = head.key + column * head.stride
        return Double(head.scale) * (0..<head.width).reduce(0.0) { $0 + Double(query[$1]) * Double(key[$1]) }
      }
      let largest = scores.max() ?? 0
      let weights = scores.map { exp($0 - largest) }
      let total = weights.reduce(0, +)
      for place in 0..<head.width {
        let value = head.value + place
        let sum = zip(seen, weights).reduce(0.0) { $0 + $1.1 * Double(value[$1.0 * head.stride]) }
        head.result[row * head.stride + place] = Float(sum / total)
      }
    }
  }

  public func attentionScratch(length: Int, width: Int) -> Int { 0 }
}
