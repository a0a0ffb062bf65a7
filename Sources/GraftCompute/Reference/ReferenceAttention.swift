import Foundation

extension Kernels {
  public func attend(_ head: AttentionHead) {
    func row(_ x: UnsafePointer<Float>, _ row: Int) -> [Double] {
      UnsafeBufferPointer(start: x + row * head.stride, count: head.width).map { Double($0) }
    }
    let keys = (0..<head.length).map { row(head.key, $0) }
    let values = (0..<head.width).map { place in
      (0..<head.length).map { Double(head.value[$0 * head.stride + place]) }
    }
    for index in 0..<head.length {
      let seen = head.window.map { max(0, index - $0)..<min(head.length, index + $0 + 1) } ?? 0..<head.length
      let query = row(head.query, index)
      let scores = seen.map { Double(head.scale) * naiveSum(of: query, times: keys[$0]) }
      let largest = scores.max() ?? 0
      let weights = scores.map { exp($0 - largest) }
      let total = weights.reduce(0, +)
      for place in 0..<head.width {
        let sum = naiveSum(of: weights, times: values[place], at: seen.lowerBound)
        head.result[index * head.stride + place] = Float(sum / total)
      }
    }
  }

  public func attentionScratch(length: Int, width: Int) -> Int { 0 }
}
