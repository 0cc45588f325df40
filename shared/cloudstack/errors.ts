/**
 * Everything that can go wrong between us and a CloudStack management server. Each message is one line that says what
 * happened and what to do next; it names the host of the URL and the command, never a key, a signature or an answer.
 * The errors of the HTTP library never leave this folder, not even as a cause: they carry the signed request.
 */

/** The common part of them all; which one it is says what to do. */
export abstract class CloudStackError extends Error {
  /** True: the same call may succeed later without anybody changing anything. */
  abstract readonly transient: boolean
  /** True: the request may well have been taken, and may still be at work (updateHost lasts as long as its pass). */
  readonly timedOut: boolean = false
}

/**
 * Thrown when no answer of CloudStack came: refused, reset or timed out, a name that does not resolve, or 429, 502, 503
 * and 504 until the patience ended. Next: see that the server runs and can be reached; the next tick tries again.
 */
export class NoAnswer extends CloudStackError {
  override readonly name = 'NoAnswer'
  override readonly transient = true
  override readonly timedOut: boolean
  constructor(message: string, timedOut = false) {
    super(message)
    this.timedOut = timedOut
  }
}

/**
 * Thrown before a request goes, while CloudStack is left alone: it gave no answer several times in a row, or asked for
 * silence. Next: see that the management server runs; one request tries again at the time that is named.
 */
export class LeftAlone extends CloudStackError {
  override readonly name = 'LeftAlone'
  override readonly transient = true
}

/**
 * Thrown before a request goes, when all functions together have asked so much that it would have to wait too long.
 * Next: nothing, it is asked again later; if it stays, raise BRIDGEKEEPER_CLOUDSTACK_RATE.
 */
export class RateUsedUp extends CloudStackError {
  override readonly name = 'RateUsedUp'
  override readonly transient = true
}

/**
 * Thrown when whoever asks has to end, before a request goes or while its answer is waited for: CloudStack's answers took so long that the function's time is
 * nearly over. Next: nothing, the next tick tries again; if it stays, see why the management server is slow.
 */
export class OutOfTime extends CloudStackError {
  override readonly name = 'OutOfTime'
  override readonly transient = true
  override readonly timedOut: boolean
  constructor(message: string, timedOut: boolean) {
    super(message)
    this.timedOut = timedOut
  }
}

/**
 * Thrown when something answers that is not CloudStack's API, or that must not be trusted: an HTML page, a redirect, a
 * wrong path, a certificate that does not verify, a proxy that lets nothing through. Next: correct CLOUDSTACK_API_URL, the CA file
 * or the proxy.
 */
export class WrongEndpoint extends CloudStackError {
  override readonly name = 'WrongEndpoint'
  override readonly transient = false
}

/**
 * Thrown when CloudStack answers an error of its own. `code` is its error code (FACTS F2). Next: 401 check the keys and
 * the clock, 432 the role, 431 the parameter; from 530 on the server failed, which may pass.
 */
export class RequestRefused extends CloudStackError {
  override readonly name = 'RequestRefused'
  override readonly transient: boolean
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
    this.transient = code >= 500
  }
}

/**
 * Thrown when an answer is damaged, lacks what we need, or is too large. Next: look for a proxy that changes answers, and
 * compare the server's version with the supported.
 */
export class MalformedAnswer extends CloudStackError {
  override readonly name = 'MalformedAnswer'
  override readonly transient = false
}

/**
 * Thrown when a listing did not hold still, or held fewer rows than its count, in every one of several readings. Nothing
 * may be concluded from it. Next: nothing, the next tick reads again; if it stays, look for a proxy that cuts answers.
 */
export class IncompleteListing extends CloudStackError {
  override readonly name = 'IncompleteListing'
  override readonly transient = true
}

/**
 * Thrown when a persistent network that is Implemented or Setup comes without its broadcast URI: the account is no root
 * admin (any more), and a set made from such a reading would look as if every network were gone (FACTS F1, I15). Next:
 * use the keys of an account with a role of type Admin.
 */
export class RightLost extends CloudStackError {
  override readonly name = 'RightLost'
  override readonly transient = false
}
