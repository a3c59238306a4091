// For mocha: before every test the server forgets everything (PAIDONCE_RESET).
const url = process.env.PAIDONCE_RESET;

exports.mochaHooks = {
  async beforeEach() {
    if (url) {
      await fetch(url, {
        method: 'POST',
        headers: {'Paidonce-Control': '1', 'content-type': 'application/json'},
        body: '{}',
      });
    }
  },
};
