import Foundation
import GraftTensors

extension HTTPResponse {
  /// What a refusal of the Hub means, with what to do about it. The codes are the Hub's `X-Error-Code`.
  func error(_ name: ModelName, _ path: String?, _ settings: HubSettings) -> GraftError {
    let host = settings.endpoint.withoutQuery
    let login =
      settings.token == nil
      ? "For a private model set HF_TOKEN." : "HF_TOKEN is set: its account may not see the model."
    func error(_ kind: GraftError.Kind, _ problem: String, _ advice: String? = nil) -> GraftError {
      GraftError(
        kind, problem, file: name.description, subject: path.map { "file '\($0)'" },
        advice: advice.map { Advice($0) })
    }
    switch (status, headers["x-error-code"]) {
    case (_, "GatedRepo"):
      return error(
        .refused, "the model is only given to those who accept its terms",
        "Accept them at \(host)/\(name.id), then set HF_TOKEN to a token of that account.")
    case (_, "RevisionNotFound"):
      return error(.missing, "the model has no revision '\(name.revision)'")
    case (_, "EntryNotFound"):
      return error(.missing, "the model has no such file")
    case (401, _) where headers["x-error-message"] == "Invalid credentials in Authorization header":
      return error(.refused, "\(host) does not accept the token", "Check HF_TOKEN, or log in again.")
    case (_, "RepoNotFound"), (401, _), (404, _):
      return error(.missing, "no model of that name at \(host)", "Check the spelling. \(login)")
    case (403, _):
      return error(.refused, "\(host) does not allow it\(reason)", login)
    case (429, _):
      return error(.system, "\(host) asks to wait: too many requests", "Try again in some minutes.")
    case (500..., _):
      return error(.system, "\(host) is not well (HTTP \(status))", "Try again in some minutes.")
    default:
      return error(.system, "\(host) answers with HTTP \(status)\(reason)")
    }
  }

  private var reason: String { headers["x-error-message"].map { " (\($0.prefix(200)))" } ?? "" }
}

extension HTTPFailure {
  /// The sentence for a failed exchange with a host.
  ///
  /// - Parameter subject: The model or file that was wanted.
  func error(_ url: URL, _ subject: String) -> GraftError {
    let host = url.host() ?? url.withoutQuery
    let cached: Advice = "Check the network, or use what is in the cache with \(option: "offline")."
    return switch kind {
    case .unreachable:
      GraftError(.system, "\(host) cannot be reached (\(message))", file: subject, advice: cached)
    case .untrusted:
      GraftError(
        .system, "\(host) cannot be trusted (\(message))", file: subject,
        advice: "If the network has certificates of its own, name them with SSL_CERT_FILE.")
    case .dropped, .slow:
      GraftError(
        .system, "the connection to \(host) broke again and again (\(message))", file: subject,
        advice: "Run the command again: it goes on where it stopped.")
    case .other:
      GraftError(.system, "\(host) cannot be asked (\(message))", file: subject)
    }
  }
}
