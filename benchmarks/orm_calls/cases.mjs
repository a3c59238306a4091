/** Runs each case after a statement that names it, and prints what came of it, a line each. */

export async function cases(raw, all) {
  for (const [name, run] of Object.entries({ ...all, end: async () => "" })) {
    await raw(`UPDATE orders SET status = 'unpaid', version = 1 /* case ${name} */`);
    let told;
    try {
      told = (await run()) ?? "";
    } catch (error) {
      const cause = error.cause instanceof Error ? error.cause : error;
      const name = [error.name, error.constructor.name].find((one) => !["Error", "error"].includes(one));
      told = `raises ${name ?? error.name}: ${cause.message.trim().split("\n").at(-1)}`;
    }
    console.log(JSON.stringify({ case: name, told }));
  }
}

/** Makes the call a second time: it has to say that another was first. */
export async function twice(run) {
  await run();
  return run().then(() => "the second is told nothing", (error) => `the second: ${error.message}`);
}
