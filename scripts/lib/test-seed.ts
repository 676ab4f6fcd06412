import fc from "fast-check";

/**
 * What property tests try depends on the commit alone, so that a change is what fails them. Set SHIMYARD_TEST_SEED to
 * another number to look further: `SHIMYARD_TEST_SEED=$RANDOM npx vitest run --project unit`.
 */
fc.configureGlobal({ seed: Number(process.env["SHIMYARD_TEST_SEED"] ?? 20_261_124) });
