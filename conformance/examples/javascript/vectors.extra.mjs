export const EXTRA = { calls: {}, files: [] };
