/** The panes of the studio: each import makes one registration. */
import './boot-timeline/index.tsx';
import './build/index.tsx';
import './chat/index.tsx';
import './cpu/index.tsx';
import './explorer/index.tsx';
import './language/index.tsx';
import './machine/index.tsx';
import './outline/index.tsx';
import './models/index.tsx';
import './problems/index.tsx';
import './profiles/index.tsx';
import './search/index.tsx';
import './serial/index.tsx';
import './settings/index.tsx';
import './terminal/index.tsx';
import './welcome/index.tsx';
import './tables/index.tsx';
