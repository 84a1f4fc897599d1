/**
 * What a person gave wrong, found before anything was sent. One or two lines: what was expected,
 * what came (in backticks), what to do. The CLI prints the message without a stack and exits with 2.
 */
export class ConfigError extends Error {
  override readonly name: string = "ConfigError";
}

/** Stopped by the user before there was anything to report. The CLI prints the message and exits with 130. */
export class Interrupted extends ConfigError {
  override readonly name = "Interrupted";
}
