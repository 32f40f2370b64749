#include "mirrors/remove.h"

#include "mirrors/agent.h"

bool bsc_mirrors_remove(const struct bsc_sys *sys, const struct bsc_mirrors_engine *engine,
                        const char *mirror, struct bsc_err *err)
{
    return bsc_mirrors_agent_end(sys, mirror, err) &&
           engine->may_replace(engine->self, mirror, err) &&
           engine->set_aside(engine->self, mirror, err);
}
