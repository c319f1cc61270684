/* lua/bind/bind_node.c: who borrows from whom; see bind.h. */
#include "bind.h"

void stlua_node_open(stlua_node *node, stlua_node *parent, void (*release)(stlua_node *node))
{
    node->parent = parent;
    node->first_child = NULL;
    node->release = release;
    node->is_open = true;
    node->next_sibling = parent ? parent->first_child : NULL;
    if (parent)
        parent->first_child = node;
}

static void unlink_from_parent(stlua_node *node)
{
    if (!node->parent)
        return;
    stlua_node **link = &node->parent->first_child;
    while (*link && *link != node)
        link = &(*link)->next_sibling;
    if (*link)
        *link = node->next_sibling;
    node->parent = NULL;
}

void stlua_node_close(stlua_node *node)
{
    if (!node->is_open)
        return;
    while (node->first_child)
        stlua_node_close(node->first_child);
    node->is_open = false;
    node->release(node);
    unlink_from_parent(node);
}
