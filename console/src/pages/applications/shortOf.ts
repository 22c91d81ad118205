/** So much of a revision is shown. */
export const shortOf = (revision: string) => revision.slice(0, 12);
