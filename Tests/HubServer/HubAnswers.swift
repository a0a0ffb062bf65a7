import Foundation

/// The interface of the Hub.
struct HubAnswer {
  private let repositories: [Repository]
  private let filesPort: Int

  init(_ repositories: [Repository], filesPort: Int) {
    self.repositories = repositories
    self.filesPort = filesPort
  }

  func answer(_ request: Request) -> Response {
    let path = request.target.split(separator: "?")[0].split(separator: "/").map {
      $0.removingPercentEncoding ?? String($0)
    }
    switch path.first {
    case "api" where path.count > 2 && path[1] == "models": return model(Array(path[2...]), request)
    case "api" where path.count > 5 && path[1] == "resolve-cache":
      return small(Array(path[3...]), request)
    default: return resolve(path, request)
    }
  }

  /// `ORG/NAME`, `ORG/NAME/revision/REV`, `ORG/NAME/tree/REV`.
  private func model(_ path: [String], _ request: Request) -> Response {
    find(path, request, prefix: "/api/models/") { repository, rest in
      if rest.first == "tree" {
        return json(
          repository.files.sorted { $0.key < $1.key }.map { name, file -> [String: Any] in
            let entry: [String: Any] = ["type": "file", "path": name, "size": file.size, "oid": file.hash]
            guard file.isLarge else { return entry }
            let large: [String: Any] = ["oid": file.hash, "size": file.size, "pointerSize": 134]
            return entry.merging(["lfs": large, "oid": String(file.hash.prefix(40))]) { $1 }
          })
      }
      return json([
        "_id": "0", "id": repository.id, "modelId": repository.id, "sha": repository.commit, "private": false,
        "gated": repository.isGated, "disabled": false, "tags": [], "downloads": 0, "likes": 0,
        "siblings": repository.files.keys.sorted().map { ["rfilename": $0] },
      ])
    }
  }

  /// `ORG/NAME/resolve/REV/FILE`: large files are elsewhere, small ones under an address of their own.
  private func resolve(_ path: [String], _ request: Request) -> Response {
    find(path, request, prefix: "/") { repository, rest in
      guard rest.count > 2, rest[0] == "resolve" else { return Response(404, text: "Not found") }
      let name = rest[2...].joined(separator: "/")
      guard let file = repository.files[name] else {
        return error(404, "EntryNotFound", "Entry not found", commit: repository.commit)
      }
      if file.isLarge {
        return Response(
          302,
          [
            ("Location", "http://localhost:\(filesPort)/\(repository.id)/\(file.hash)?signature=secret"),
            ("X-Repo-Commit", repository.commit), ("X-Linked-Size", "\(file.size)"),
            ("X-Linked-Etag", "\"\(file.hash)\""),
          ])
      }
      let place = "/api/resolve-cache/models/\(repository.id)/\(repository.commit)/\(name)"
      return Response(307, [("Location", place), ("X-Repo-Commit", repository.commit)])
    }
  }

  private func small(_ path: [String], _ request: Request) -> Response {
    guard let repository = repositories.first(where: { $0.id == path[0...1].joined(separator: "/") }),
      let file = repository.files[path[3...].joined(separator: "/")]
    else { return Response(404, text: "Not found") }
    var response = content(file, request)
    response.headers += [("X-Repo-Commit", repository.commit), ("ETag", "\"\(file.hash)\"")]
    return response
  }

  /// Finds a model by the beginning of a path, redirects from its former name, and refuses as the Hub does.
  private func find(
    _ path: [String], _ request: Request, prefix: String, _ body: (Repository, [String]) -> Response
  ) -> Response {
    if let repository = repositories.first(where: { $0.formerly != nil && $0.formerly == path.first }) {
      let query = request.target.split(separator: "?").dropFirst().map { "?" + $0 }.joined()
      let rest = request.target.split(separator: "?")[0].dropFirst(prefix.count + path[0].count)
      return Response(307, [("Location", prefix + repository.id + rest + query)])
    }
    guard path.count > 1,
      let repository = repositories.first(where: { $0.id == path[0...1].joined(separator: "/") }),
      repository.token == nil || request.headers["authorization"] == repository.token.map({ "Bearer \($0)" })
    else { return error(401, "RepoNotFound", "Repository not found") }
    let rest = Array(path[2...])
    if rest.count > 1, rest[1] != "main", rest[1] != repository.commit {
      return error(404, "RevisionNotFound", "Invalid rev id: \(rest[1])")
    }
    if repository.isGated, rest.first == "resolve" {
      return error(403, "GatedRepo", "Access to model \(repository.id) is restricted")
    }
    return body(repository, rest)
  }

  private func error(_ status: Int, _ code: String, _ message: String, commit: String? = nil) -> Response {
    var response = Response(status, text: message, type: "text/plain")
    response.headers += [("X-Error-Code", code), ("X-Error-Message", message)]
    if let commit { response.headers.append(("X-Repo-Commit", commit)) }
    return response
  }

  private func json(_ value: Any) -> Response {
    let data = (try? JSONSerialization.data(withJSONObject: value)) ?? Data()
    return Response(200, [("Content-Type", "application/json")], body: .bytes(Array(data)))
  }
}

/// The host that has the large files, by their hashes.
struct FilesAnswer {
  private let repositories: [Repository]

  init(_ repositories: [Repository]) { self.repositories = repositories }

  func answer(_ request: Request) -> Response {
    let hash = request.target.split(separator: "?")[0].split(separator: "/").last.map(String.init)
    guard let file = repositories.flatMap(\.files.values).first(where: { $0.hash == hash }) else {
      return Response(
        403, text: "<?xml version=\"1.0\"?><Error>AccessDenied</Error>", type: "application/xml")
    }
    return content(file, request)
  }
}

/// A file's bytes, or the range of them that is asked for.
private func content(_ file: Repository.File, _ request: Request) -> Response {
  guard let range = request.range(in: file.size) else {
    return Response(200, [("Accept-Ranges", "bytes")], body: .file(file.path, 0..<file.size))
  }
  let place = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)"
  return Response(206, [("Content-Range", place)], body: .file(file.path, range))
}
