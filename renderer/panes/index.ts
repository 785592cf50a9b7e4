/** The panes of the studio: each import makes one registration. */
export {};
