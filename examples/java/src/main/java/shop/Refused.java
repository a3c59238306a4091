package shop;

/** A clean "no": nothing was done, and nothing will be. */
final class Refused extends Exception {
  final int status;

  Refused(int status, String message) {
    super(message);
    this.status = status;
  }
}
