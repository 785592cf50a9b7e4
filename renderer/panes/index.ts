/** The panes of the studio: each import makes one registration. */
import './build/index.tsx';
import './machine/index.tsx';
import './problems/index.tsx';
import './serial/index.tsx';
